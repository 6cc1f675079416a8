"""The error of one recording."""

from speechlrp.errors import SpeechLRPError


class RecordingError(SpeechLRPError):
    """One recording cannot be used; the message is the reason, without the file's name.

    ``extract`` catches it, lists the recording as rejected and goes on.
    """
