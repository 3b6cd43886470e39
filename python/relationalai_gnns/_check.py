"""Checks of arguments. Each returns the value it was given, in its type, or raises ValidationError with the argument's
name, what was given and what is allowed. Numbers and arrays of NumPy are taken, and become int, float, bool and list."""

from __future__ import annotations

import difflib
import itertools
import math
import numbers
import operator
import re
import sys
from typing import AbstractSet, Any, Collection, Iterable, Mapping, NoReturn, Optional, TypeVar, Union

from .errors import NotBuiltError, ValidationError

T = TypeVar("T")

ENGINE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}\Z")
ALIAS = re.compile(r"[A-Za-z0-9_]{1,100}\Z")


def shown(value: object) -> str:
    """The value as it stands in a message, at most 80 characters."""
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, known: Iterable[str]) -> str:
    """' Did you mean "x"?', or nothing where no known name is near. Case does not count."""
    by_folded = {k.casefold(): k for k in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f' Did you mean "{by_folded[found[0]]}"?' if found else ""


def listed(names: Iterable[str]) -> str:
    """Names in quotes, with commas; the first 30."""
    all_names = [f'"{n}"' for n in names]
    return ", ".join(all_names[:30]) + (f", ... ({len(all_names)} in all)" if len(all_names) > 30 else "") or "none"


def refuse(argument: str, value: object, allowed: str) -> NoReturn:
    """Raises the ValidationError that every check here raises."""
    raise ValidationError(f"{argument}: expected {allowed}, got {shown(value)}", field=argument)


def not_built(what: str, part: str) -> NotBuiltError:
    """The error for `what`, which comes with `part`."""
    return NotBuiltError(f"{what} is not built yet: it comes with the {part} part")


def text(argument: str, value: Any, *, longest: int = 200) -> str:
    """A string that is not empty and no longer than `longest`."""
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        refuse(argument, value, f"a text of 1 to {longest} characters")
    return value


def optional_text(argument: str, value: Any) -> Optional[str]:
    """None or a string that is not empty."""
    return None if value is None else text(argument, value, longest=4096)


def name_without(argument: str, value: Any, forbidden: str) -> str:
    """A name of 1 to 200 characters with none of the characters in `forbidden`."""
    name = text(argument, value)
    for c in forbidden:
        if c in name:
            refuse(argument, value, f'a name without "{c}"')
    return name


def boolean(argument: str, value: Any) -> bool:
    """True or False, nothing that is merely like one."""
    if not _is_boolean(value):
        refuse(argument, value, "True or False")
    return bool(value)


def integer(argument: str, value: Any, low: int, high: Optional[int] = None) -> int:
    """An integer (2.0 is one, True is none) in low..high."""
    whole = _plain_number(value)
    if whole is None or int(whole) != whole or whole < low or (high is not None and whole > high):
        refuse(argument, value, f"an integer {range_text(low, high)}")
    return int(whole)


def number(
    argument: str, value: Any, low: Optional[float] = None, high: Optional[float] = None, *, open_low: bool = False, open_high: bool = False
) -> float:
    """A finite number between low and high; open: the bound itself is excluded."""
    allowed = f"a number {range_text(low, high, open_low, open_high)}".rstrip()
    found = _plain_number(value)
    if found is None:
        refuse(argument, value, allowed)
    if low is not None and (found < low or (open_low and found == low)):
        refuse(argument, value, allowed)
    if high is not None and (found > high or (open_high and found == high)):
        refuse(argument, value, allowed)
    return found


def items(argument: str, value: Any, allowed: str, *, longest: Optional[int] = None) -> list[Any]:
    """What a list, a tuple, an array or another iterable with an order holds, of `longest` items at most; no text, dict or set."""
    if isinstance(value, (str, bytes, bytearray, Mapping, AbstractSet)) or not isinstance(value, Iterable):
        refuse(argument, value, allowed)
    try:
        found = list(itertools.islice(value, None if longest is None else longest + 1))
    except TypeError:  # an array without a dimension
        refuse(argument, value, allowed)
    if longest is not None and len(found) > longest:
        refuse(argument, value, allowed)
    return found


def plain(value: Any) -> Any:
    """The same as bool, int or float where it is a boolean or a finite number; else the value itself."""
    if _is_boolean(value):
        return bool(value)
    found = _plain_number(value)
    return value if found is None else found


def _is_boolean(value: Any) -> bool:
    numpy = sys.modules.get("numpy")  # where it isn't loaded, nothing is of its types
    return isinstance(value, bool) or (numpy is not None and isinstance(value, numpy.bool_))


def _plain_number(value: Any) -> Optional[Union[int, float]]:
    """A finite number as int where it is of a type of integers, else as float; None: it is no number, or a boolean."""
    if _is_boolean(value):
        return None
    try:
        return int(operator.index(value))
    except TypeError:
        found = float(value) if isinstance(value, numbers.Real) else math.nan
    return found if math.isfinite(found) else None


def range_text(low: Optional[float], high: Optional[float], open_low: bool = False, open_high: bool = False) -> str:
    """Bounds in words: "of at least 1", "above 0 and below 1", ..."""
    parts = []
    if low is not None:
        parts.append(f"above {low}" if open_low else f"of at least {low}")
    if high is not None:
        parts.append(f"below {high}" if open_high else f"at most {high}")
    return " and ".join(parts)


def one_of(argument: str, value: Any, allowed: Collection[str]) -> str:
    """One of the strings in `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        near = nearest(value, allowed) if isinstance(value, str) else ""
        raise ValidationError(f"{argument}: expected one of {listed(allowed)}, got {shown(value)}.{near}", field=argument)
    return value


def instance(argument: str, value: Any, kind: type[T]) -> T:
    """An object of class `kind`."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIOU" else "a"
        refuse(argument, value, f"{article} {kind.__name__}")
    return value


def engine_name(argument: str, value: Any) -> str:
    """The name of an engine: 1 to 64 of A-Z a-z 0-9 _ -, the first a letter or _."""
    if not isinstance(value, str) or not ENGINE_NAME.match(value):
        refuse(argument, value, "the name of an engine: 1 to 64 of A-Z a-z 0-9 _ -, the first a letter or _")
    return value


def alias(argument: str, value: Any) -> str:
    """The alias of an output: 1 to 100 of A-Z a-z 0-9 _."""
    if not isinstance(value, str) or not ALIAS.match(value):
        refuse(argument, value, "1 to 100 of A-Z a-z 0-9 _")
    return value
