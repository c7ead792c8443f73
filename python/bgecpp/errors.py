"""What bgecpp raises. Each error is also the built-in exception that a caller would expect."""

__all__ = ["BgeError", "InvalidArgument", "NotFound", "CorruptData", "Unsupported", "OutOfMemory", "Cancelled", "IoError"]


class BgeError(RuntimeError):
    """A failure caused by input or environment: "<what>: <where>: <fix>". `code` names its kind."""

    code: str = "internal"


class InvalidArgument(BgeError, ValueError):
    """The caller asked for something that makes no sense."""

    code = "invalid_argument"


class NotFound(BgeError, LookupError, FileNotFoundError):
    """A file, model or name is absent. Other packages raise an OSError where a model is not there."""

    code = "not_found"


class CorruptData(BgeError, ValueError):
    """A file is not what its format says."""

    code = "corrupt_data"


class Unsupported(BgeError, NotImplementedError):
    """Well formed, but not something that this build can do."""

    code = "unsupported"


class OutOfMemory(BgeError, MemoryError):
    code = "out_of_memory"


class Cancelled(BgeError):
    code = "cancelled"


class IoError(BgeError, OSError):
    """The operating system, the network or a host on it refused to read or write."""

    code = "io"


_CLASSES: dict[str, type[BgeError]] = {
    cls.code: cls for cls in (InvalidArgument, NotFound, CorruptData, Unsupported, OutOfMemory, Cancelled, IoError)
}


def make(code: str, message: str) -> BgeError:
    """The exception for an error of the native library."""
    error = _CLASSES.get(code, BgeError)(message)
    error.code = code
    return error
