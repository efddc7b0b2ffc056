"""High dynamic range histogram: 3 significant digits, unit 1 ns, and the V2 encoding that HdrHistogram reads.

The layout is that of HdrHistogram (hdrhistogram.org) with lowestDiscernibleValue 1 and 3 digits: values below
2048 have a cell each, above that each doubling of the value has 1024 cells, so a cell is never wider than
1/1024 of its value. Only cells that hold something are stored.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from math import ceil, sqrt

DIGITS = 3
CELLS_PER_STEP = 128                    # some 20 us of work
_BITS = 11                              # 2^11 cells of width 1 tell 3 digits apart
_HALF_BITS = _BITS - 1
_DEFAULT_HIGHEST = 3600 * 10**9         # one hour; the encoding names a range, decoders reserve room for it

_COOKIE_V2 = 0x1C849303 | 0x10
_COOKIE_V2_COMPRESSED = 0x1C849304 | 0x10
_HEADER = struct.Struct(">iiiiqqd")
_OUTER = struct.Struct(">ii")
_SHAPE = (0, DIGITS, 1, 1.0)            # index offset, digits, lowest value, ratio to doubles


def cell_of(value: int) -> int:
    """Return the number of the cell that counts this value (>= 0)."""
    shift = value.bit_length() - _BITS
    return value if shift <= 0 else (shift << _HALF_BITS) + (value >> shift)


_MOST = 2**63                           # neither a value nor a count reaches it
_CELLS = cell_of(_MOST)
_LONGEST_BODY = _HEADER.size + 9 * _CELLS     # every cell, in as many bytes as a number can have


def cell_low(cell: int) -> int:
    """Return the smallest value that a cell counts."""
    shift = (cell >> _HALF_BITS) - 1
    return cell if shift <= 0 else (cell - (shift << _HALF_BITS)) << shift


def cell_high(cell: int) -> int:
    """Return the largest value that a cell counts."""
    return cell_low(cell + 1) - 1


def cell_middle(cell: int) -> int:
    """Return the value that stands for a cell in a mean: its middle, as HdrHistogram takes it."""
    low = cell_low(cell)
    return low + ((cell_low(cell + 1) - low) >> 1)


class Histogram:
    """Counts of values in cells: `counts` maps cell -> count."""

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[int, int] | None = None) -> None:
        self.counts: defaultdict[int, int] = defaultdict(int, counts or {})

    @classmethod
    def of(cls, values: Iterable[int]) -> Histogram:
        """Return the histogram of some values."""
        histogram = cls()
        for value in values:
            histogram.record(value)
        return histogram

    def record(self, value: int) -> None:
        """Count one value (>= 0)."""
        shift = value.bit_length() - 11             # cell_of, written out
        if shift > 0:
            value = (shift << 10) + (value >> shift)
        self.counts[value] += 1

    def add(self, other: Histogram) -> None:
        """Add another histogram's counts."""
        counts = self.counts
        for cell, count in other.counts.items():
            counts[cell] += count

    @property
    def n(self) -> int:
        """Number of values counted."""
        return sum(self.counts.values())

    def minimum(self) -> int | None:
        """Return the lowest value that may have been counted, None when empty."""
        return cell_low(min(self.counts)) if self.counts else None

    def maximum(self) -> int | None:
        """Return the highest value that may have been counted, None when empty."""
        return cell_high(max(self.counts)) if self.counts else None

    def mean(self) -> float | None:
        """Return the mean of the values, within the width of a cell; None when empty."""
        if not self.counts:
            return None
        return sum(cell_middle(cell) * count for cell, count in self.counts.items()) / self.n

    def deviation(self) -> float | None:
        """Return the standard deviation (of this population); None when empty."""
        mean = self.mean()
        if mean is None:
            return None
        squares = sum((cell_middle(cell) - mean) ** 2 * count for cell, count in self.counts.items())
        return sqrt(squares / self.n)

    def at_rank(self, rank: int) -> int | None:
        """Return the value of the rank-th smallest (from 1), None when there are fewer."""
        return next(iter(self.at_ranks([rank])), None)

    def at_ranks(self, ranks: Iterable[int]) -> Iterator[int | None]:
        """Yield the value of each rank; the ranks must come in ascending order."""
        cells = iter(sorted(self.counts))
        seen, cell = 0, None
        for rank in ranks:
            while seen < rank:
                cell = next(cells, None)
                if cell is None:
                    seen = rank
                    break
                seen += self.counts[cell]
            yield None if cell is None else cell_high(cell)

    def percentile(self, percent: str) -> int | None:
        """Return the smallest value that at least this share of the values do not exceed; None when empty."""
        return self.percentiles(percent)[0]

    def percentiles(self, *percents: str) -> list[int | None]:
        """Return several percentiles in one pass, given in ascending order; None for each when empty."""
        n = self.n
        return list(self.at_ranks(rank_of(percent, n) for percent in percents))

    def encode(self) -> str:
        """Return the V2 compressed encoding in base64, as HdrHistogram's encodeIntoCompressedByteBuffer."""
        return next(text for text in self.encode_steps() if text is not None)

    def encode_steps(self) -> Iterator[str | None]:
        """Yield None after each small step of the encoding, and the text at its end: for those with little time."""
        payload = bytearray()
        for piece in _encode_counts(self.counts):
            payload += piece
            yield None
        highest = _DEFAULT_HIGHEST
        while self.counts and cell_of(highest) < max(self.counts):
            highest = min(2 * highest, _MOST - 1)
        header = _HEADER.pack(_COOKIE_V2, len(payload), 0, DIGITS, 1, highest, 1.0)
        body = zlib.compress(header + payload)
        yield base64.b64encode(_OUTER.pack(_COOKIE_V2_COMPRESSED, len(body)) + body).decode("ascii")

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """Read what `encode` wrote. Raises ValueError with one sentence when the text is something else."""
        try:
            raw = base64.b64decode(text, validate=True)
            cookie, length = _OUTER.unpack_from(raw)
            inflate = zlib.decompressobj()
            body = inflate.decompress(raw[_OUTER.size:_OUTER.size + max(0, length)], _LONGEST_BODY)
            inner, size, offset, digits, lowest, _highest, ratio = _HEADER.unpack_from(body)
        except (ValueError, struct.error, zlib.error) as error:
            raise ValueError(f"not an encoded histogram: {error}") from error
        shape = (offset, digits, lowest, ratio)
        if (cookie, inner) != (_COOKIE_V2_COMPRESSED, _COOKIE_V2) or shape != _SHAPE:
            raise ValueError("not a histogram of 3 digits and unit 1 in HdrHistogram V2 encoding")
        if not inflate.eof or not 0 <= size <= len(body) - _HEADER.size:
            raise ValueError("not an encoded histogram: it is cut short, or longer than any histogram")
        return cls(_decode_counts(body[_HEADER.size:_HEADER.size + size]))


def rank_of(percent: str, n: int) -> int:
    """Return the rank (from 1) of a percentile among n values: ceil(p n), in exact arithmetic."""
    return max(1, ceil(Fraction(percent) * n / 100))


def _encode_counts(counts: Mapping[int, int]) -> Iterator[bytes]:
    """Yield, piece by piece, ZigZag LEB128 counts from cell 0 on; a run of k empty cells is the number -k."""
    position = 0
    cells = iter(sorted(counts))
    while piece := list(islice(cells, CELLS_PER_STEP)):
        out = bytearray()
        for cell in piece:
            if cell > position:
                _write_number(out, position - cell)
            _write_number(out, counts[cell])
            position = cell + 1
        yield bytes(out)


def _write_number(out: bytearray, value: int) -> None:
    number = (value << 1) if value >= 0 else (-value << 1) - 1
    for _ in range(8):
        if number < 0x80:
            out.append(number)
            return
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number & 0xFF)           # the ninth byte carries 8 bits


def _decode_counts(payload: bytes) -> dict[int, int]:
    counts: dict[int, int] = {}
    cell = 0
    for value in _read_numbers(payload):
        if value < 0:
            cell -= value
        elif value == 0:
            cell += 1
        elif cell < _CELLS:
            counts[cell] = value
            cell += 1
        else:
            raise ValueError("not an encoded histogram: it counts values of more than 63 bits")
    if sum(counts.values()) >= _MOST:
        raise ValueError("not an encoded histogram: it counts more values than 63 bits can")
    return counts


def _read_numbers(payload: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in payload:
        if shift < 56 and byte & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
            continue
        number |= byte << shift
        yield (number >> 1) ^ -(number & 1)
        number = shift = 0
    if shift:
        raise ValueError("not an encoded histogram: it ends within a number")
