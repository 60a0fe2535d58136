"""Random draws that no partition changes: each a pure function of seed, index, purpose and month.

Takes a seed, row indices and a purpose; gives uniforms or normals, one per index. Nothing is drawn
in sequence, so any subset of rows, in any order and any block, gets the numbers it always gets.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from scipy.special import ndtri

__all__ = ["normal", "uniform"]

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15  # odd, so index * _GOLDEN visits every 64-bit number once


def uniform(seed: int, index: np.ndarray, purpose: str, month: int = 0) -> np.ndarray:
    """Uniform draw for each index.

    Parameters
    ----------
    seed : int
        Not negative, below 2⁶⁴.
    index : int array of shape (n,)
        Number of the application (or person, or calendar month) drawn for; not negative.
    purpose : str
        What the draw decides; another purpose is an independent draw.
    month : int
        Month on book, where the draw is repeated monthly.

    Returns
    -------
    float64 array of shape (n,)
        In the open interval (0, 1).

    Source
    ------
    Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators, OOPSLA: the
    SplitMix64 output function, here on a counter that starts at a hash of the other arguments.

    Examples
    --------
    >>> uniform(7, np.array([0, 1, 2]), "income").round(3).tolist()[1:] == (
    ...     uniform(7, np.array([1, 2]), "income").round(3).tolist()
    ... )
    True
    """
    state = np.asarray(index).astype(np.uint64) * np.uint64(_GOLDEN)
    state += np.uint64(_start(seed, purpose, month))
    bits = _mixed(state) >> np.uint64(11)
    return (bits.astype(np.float64) + 0.5) * 2.0**-53


def normal(seed: int, index: np.ndarray, purpose: str, month: int = 0) -> np.ndarray:
    """Return a standard normal draw for each index; arguments as :func:`uniform`.

    Returns
    -------
    float64 array of shape (n,)

    Source
    ------
    Inverse of the normal distribution function at :func:`uniform`.

    Examples
    --------
    >>> normal(7, np.arange(100_000), "income").std().round(2).item()
    1.0
    """
    return ndtri(uniform(seed, index, purpose, month))


@lru_cache(maxsize=4096)
def _start(seed: int, purpose: str, month: int) -> int:
    if not 0 <= seed <= _MASK:
        raise ValueError(f"seed must lie in 0..2**64 - 1, got {seed!r}")
    text = f"{seed}|{purpose}|{month}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _mixed(state: np.ndarray) -> np.ndarray:
    """SplitMix64's output function, in place."""
    state ^= state >> np.uint64(30)
    state *= np.uint64(0xBF58476D1CE4E5B9)
    state ^= state >> np.uint64(27)
    state *= np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return state
