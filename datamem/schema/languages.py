"""The languages whose words can be brought to their stems, by every name that people write."""

from __future__ import annotations

from typing import Final

DEFAULT_LANGUAGE: Final = "english"

LANGUAGES: Final[dict[str, str | None]] = {
    "arabic": "ar",
    "danish": "da",
    "dutch": "nl",
    "english": "en",
    "finnish": "fi",
    "french": "fr",
    "german": "de",
    "greek": "el",
    "hungarian": "hu",
    "italian": "it",
    "norwegian": "no",
    "portuguese": "pt",
    "romanian": "ro",
    "russian": "ru",
    "spanish": "es",
    "swedish": "sv",
    "tamil": "ta",
    "turkish": "tr",
    "none": None,
}
"""Full name to ISO 639-1 code; `none` stems nothing, for names, code and mixed or unlisted languages."""

_BY_NAME: Final = {
    **{name: name for name in LANGUAGES},
    **{code: name for name, code in LANGUAGES.items() if code},
    **dict.fromkeys(("chinese", "zh", "japanese", "ja", "korean", "ko", "cjk"), "none"),
}


def find_language(name: str) -> str | None:
    """Return the full name of a language written in any known way, or None."""
    return _BY_NAME.get(name.lstrip(":").lower())
