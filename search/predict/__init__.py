"""What an exported model says of images."""

from search.predict.command import main as main
