"""Drives tokenizer_oracle_tool (tests/tokenizer_oracle_tool.cc) and Hugging Face `tokenizers` side by side.

Both answer with the same tuples: (ids, type ids, offsets, special-token mask) as bytes, or None for an error. Count compares these.
"""
import array
import struct
import subprocess
import threading
import time
from itertools import chain

# Where upstream panics, nothing is defined.
PANIC = "panic"
STRATEGIES = ("longest_first", "only_first", "only_second")


class OurTokenizer:
    """One tool process for one tokenizer.json or model directory."""

    def __init__(self, tool, path, *flags):
        self.process = subprocess.Popen([tool, *flags, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def close(self):
        self.process.stdin.close()
        error = self.process.stderr.read().decode(errors="replace")
        self.process.stdout.close()
        self.process.stderr.close()
        return self.process.wait(), error

    def _send(self, data):
        def write():
            try:
                self.process.stdin.write(data)
                self.process.stdin.flush()
            except BrokenPipeError:
                pass

        # From another thread: the tool answers while it reads.
        thread = threading.Thread(target=write)
        thread.start()
        return thread

    def _read(self, size):
        data = self.process.stdout.read(size)
        if len(data) != size:
            raise RuntimeError("the tool ended: " + self.process.stderr.read().decode(errors="replace"))
        return data

    def encode(self, texts, max_length=None, strategy="longest_first", special=True, offsets=True):
        """texts: bytes, or pairs of bytes."""
        pair = bool(texts) and isinstance(texts[0], tuple)
        frame = [struct.pack("<IqBBBB", len(texts), -1 if max_length is None else max_length,
                             STRATEGIES.index(strategy), special, offsets, pair)]
        for text in texts:
            for part in text if pair else (text,):
                frame.append(struct.pack("<I", len(part)))
                frame.append(part)
        thread = self._send(b"".join(frame))
        results = []
        for _ in texts:
            (n,) = struct.unpack("<i", self._read(4))
            if n < 0:
                (size,) = struct.unpack("<I", self._read(4))
                self._read(size)
                results.append(None)
                continue
            data = self._read(n * (17 if offsets else 8) + 1)
            results.append((data[: 4 * n], data[4 * n: 8 * n], data[8 * n: 16 * n] if offsets else b"",
                            data[16 * n: 17 * n] if offsets else b""))
        thread.join()
        return results

    def decode(self, ids, skip_special):
        thread = self._send(struct.pack("<IIB", 0xFFFFFFFF, len(ids), skip_special) + array.array("i", ids).tobytes())
        (size,) = struct.unpack("<I", self._read(4))
        thread.join()
        return self._read(size).decode()

    def merges(self, pieces, by_score):
        """The merges of SentencePiece pieces: [(text, score)] to [(left, right)]."""
        frame = [struct.pack("<IIB", 0xFFFFFFFD, len(pieces), by_score)]
        for text, score in pieces:
            data = text.encode()
            frame += (struct.pack("<fI", score, len(data)), data)
        thread = self._send(b"".join(frame))
        (count,) = struct.unpack("<I", self._read(4))
        sides = [self._read(*struct.unpack("<I", self._read(4))).decode() for _ in range(2 * count)]
        thread.join()
        return list(zip(sides[::2], sides[1::2]))

    def measure(self, texts, rounds, offsets):
        """CPU seconds for `rounds` times all texts, and the tokens of one round."""
        frame = [struct.pack("<IIIB", 0xFFFFFFFE, len(texts), rounds, offsets)]
        for text in texts:
            frame += (struct.pack("<I", len(text)), text)
        thread = self._send(b"".join(frame))
        nanoseconds, tokens = struct.unpack("<QQ", self._read(16))
        thread.join()
        return nanoseconds / 1e9, tokens


def as_bytes(encoding, offsets):
    return (array.array("I", encoding.ids).tobytes(), array.array("I", encoding.type_ids).tobytes(),
            array.array("I", chain.from_iterable(encoding.offsets)).tobytes() if offsets else b"",
            bytes(encoding.special_tokens_mask) if offsets else b"")


def to_str(part):
    return part.decode("utf-8", errors="replace")


def theirs(tokenizer, texts, max_length=None, strategy="longest_first", special=True, offsets=True, direction="right"):
    """The same through `tokenizers`; a text on which it fails is None, or PANIC."""
    if max_length is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_length, strategy=strategy, direction=direction)
    inputs = [tuple(map(to_str, t)) if isinstance(t, tuple) else to_str(t) for t in texts]
    try:
        return [as_bytes(e, offsets) for e in tokenizer.encode_batch(inputs, add_special_tokens=special)]
    except BaseException as error:  # a panic is no Exception
        if isinstance(error, KeyboardInterrupt):
            raise
    results = []
    for text in inputs:
        try:
            one = (text,) if isinstance(text, str) else text
            results.append(as_bytes(tokenizer.encode(*one, add_special_tokens=special), offsets))
        except Exception:
            results.append(None)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            results.append(PANIC)
    return results


class Count:
    """Encodings compared and those that differ; prints the first few of these."""

    def __init__(self, name):
        self.name, self.total, self.different, self.panics = name, 0, 0, 0
        self.started = time.monotonic()

    def compare(self, texts, ours, expected, what):
        self.total += len(texts)
        for text, a, b in zip(texts, ours, expected):
            if b == PANIC:
                self.panics += 1
            elif a != b:
                self.different += 1
                if self.different <= 5:
                    print(f"  {what}: {text!r:.300}\n    ours   {show(a)}\n    theirs {show(b)}", flush=True)

    def report(self, extra=""):
        print(f"{self.name}: {self.total:,} encodings, {self.different:,} differences"
              f"{f', {self.panics:,} on which tokenizers panics' if self.panics else ''}"
              f" ({time.monotonic() - self.started:.0f} s){extra}", flush=True)
        return self.different


def show(result):
    if result is None:
        return "an error"
    names = ("ids", "types", "offsets", "mask")
    values = [list(memoryview(r).cast("I" if i < 3 else "B"))[:24] for i, r in enumerate(result)]
    return ", ".join(f"{n} {v}" for n, v in zip(names, values))
