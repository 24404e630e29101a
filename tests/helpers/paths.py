"""Where things lie in the checkout."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUB_TRAINER = ROOT / "benchmarks" / "stub_trainer.py"
