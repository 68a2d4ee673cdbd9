"""What goes over the socket between the operator and the process that reads a source.

The request is trusted, the answer is not: it comes from a process that has read a
stranger's bytes. It is JSON, bounded, and decoded into our own classes and nothing else.
"""

import json
from collections.abc import Callable

from appdb import errors
from appdb.model.analysis import Analysis
from appdb.source.analyze import AnalysisOptions
from appdb.source.bundle import SourceBundle
from appdb.source.columnar import NotOfThisForm, pack, unpack

MOST_ANSWER = 64 * 1024 * 1024
_LENGTH = 8
# The errors that an analysis may end in; any other name in an answer is not believed.
_ERRORS = {
    kind.__name__: kind
    for kind in (
        errors.InvalidSpec,
        errors.SourceInvalid,
        errors.SourceTooLarge,
        errors.ParseFailed,
        errors.NothingDetected,
    )
}


def request(bundle: SourceBundle, options: AnalysisOptions) -> bytes:
    """Write a request: the length of a header, the header, the contents behind each other."""
    header = json.dumps(
        {
            "options": pack(options),
            "files": [[path, len(content)] for path, content in bundle.files.items()],
            "left_out": dict(bundle.left_out),
        }
    ).encode()
    return b"".join((len(header).to_bytes(_LENGTH, "big"), header, *bundle.files.values()))


def read_request(read: Callable[[int], bytes]) -> tuple[SourceBundle, AnalysisOptions]:
    """Read a request; `read` returns exactly so many bytes."""
    header = json.loads(read(int.from_bytes(read(_LENGTH), "big")))
    files = {path: read(size) for path, size in header["files"]}
    bundle = SourceBundle(
        files=files, origins=dict.fromkeys(files, ""), left_out=header["left_out"]
    )
    return bundle, unpack(AnalysisOptions, header["options"])


def answer(found: Analysis) -> bytes:
    """Write what was found."""
    return json.dumps({"analysis": pack(found)}, separators=(",", ":")).encode()


def failure(error: errors.InvalidInput) -> bytes:
    """Write an error."""
    return json.dumps({"error": [type(error).__name__, error.message]}).encode()


def read_answer(data: bytes, bundle: SourceBundle) -> Analysis:
    """Read an answer.

    Raises:
        InvalidInput: the error that the analysis ended in.
        SourceInvalid: the answer is not one.
    """
    try:
        found = json.loads(data)
        if isinstance(found, dict) and found.keys() == {"error"}:
            raise _error(found["error"])
        if not isinstance(found, dict) or found.keys() != {"analysis"}:
            raise NotOfThisForm("neither an analysis nor an error")  # noqa: TRY301 - one way out
        analysis = unpack(Analysis, found["analysis"])
    except (NotOfThisForm, ValueError, RecursionError) as err:
        raise errors.SourceInvalid("reading the source gave no usable answer") from err
    if analysis.digest != bundle.digest:
        raise errors.SourceInvalid("reading the source gave the answer to another source")
    return analysis


def _error(data: object) -> errors.AppDBError:
    match data:
        case [str(name), str(message)] if name in _ERRORS:
            return _ERRORS[name](message)
        case _:
            return errors.SourceInvalid("reading the source gave no usable answer")
