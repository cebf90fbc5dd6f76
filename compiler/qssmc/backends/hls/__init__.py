"""The HLS target: C++14 over ap_int and hls::stream, a process an op or layer, checked without the vendor."""

from qssmc.backends.hls.emit import ESTIMATE, emit
from qssmc.backends.hls.hashes import OPS, OpHashes
from qssmc.backends.hls.options import FLAVORS, Flavor, HlsOptions
from qssmc.backends.hls.support import supports

__all__ = ["ESTIMATE", "FLAVORS", "OPS", "Flavor", "HlsOptions", "OpHashes", "emit", "supports"]
