"""Makes records safe to decode in several threads."""

import msgspec


def know_record_types() -> None:
    """Has msgspec look at the types of all records that are defined so far. Else it does so when it first decodes one,
    and may crash where two threads are the first for the same type.
    """
    types = list[type[msgspec.Struct]]([msgspec.Struct])
    while types:
        kind = types.pop()
        types += kind.__subclasses__()
        msgspec.json.Decoder(kind)
