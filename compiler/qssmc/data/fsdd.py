"""Free Spoken Digit Dataset: raw 8 kHz audio, low-passed and decimated to sequences of one length."""

from __future__ import annotations

import io
import struct
import wave
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.sequences import InputFormat, Sequences
from qssmc.errors import MalformedInputError

# Speech peaks near a quarter of full scale: frac 13 puts typical samples between -1 and 1.
FSDD_FORMAT = InputFormat(width=16, frac=13, signed=True)
_SECONDS, _RATE, _DECIMATION = 0.64, 8000, 4
# What a broken archive or WAV file raises; RuntimeError is an encrypted or unknown kind of zip.
_UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, wave.Error, struct.error)
_TEST_TAKES = 5  # The official split: takes 0-4 of each speaker and digit are the test set.


def load_fsdd(root: Path, split: str) -> Sequences:
    """2 700 (train) or 300 (test) sequences of 1 280 int16 samples at 2 kHz, cut or zero-padded at the end."""
    path = root / "fsdd" / "recordings.zip"
    samples, labels = [], []
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(n for n in archive.namelist() if n.endswith(".wav")):
                digit, _, take = Path(name).stem.split("_")
                if (int(take) < _TEST_TAKES) == (split == "test"):
                    samples.append(_prepare(_read_wav(archive.read(name))))
                    labels.append(int(digit))
        if not samples:
            raise ValueError(f"it has no {split} recordings")
    except _UNREADABLE as error:
        raise MalformedInputError(f"{path} cannot be read as the spoken digits ({error}); fetch it again") from error
    return Sequences(np.stack(samples)[:, :, None], np.array(labels, np.int64), FSDD_FORMAT)


def _read_wav(raw: bytes) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(raw)) as sound:
        if (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) != (_RATE, 2, 1):
            raise ValueError("a recording is not 8 kHz, 16 bit, mono")
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2")


def _prepare(sound: NDArray[Any]) -> NDArray[np.int16]:
    """Low-pass at 0.8 of the new Nyquist frequency (Hamming-windowed sinc, 65 taps), decimate, fit to length."""
    tap = np.arange(-32, 33)
    cutoff = 0.8 / _DECIMATION
    filter_ = np.hamming(65) * np.sinc(cutoff * tap) * cutoff
    low = np.convolve(sound.astype(np.float64), filter_ / filter_.sum(), mode="same")[::_DECIMATION]
    length = int(_SECONDS * _RATE) // _DECIMATION
    fitted = np.zeros(length)
    fitted[: min(length, len(low))] = low[:length]
    return np.clip(np.rint(fitted), -32768, 32767).astype(np.int16)
