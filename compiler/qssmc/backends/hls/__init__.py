"""The HLS target: C++14 over ap_int and hls::stream, a process an op or layer, checked without the vendor."""

from qssmc.backends.hls.emit import ESTIMATE, SUPPORTED, emit
from qssmc.backends.hls.hashes import OPS, OpHashes
from qssmc.backends.hls.options import FLAVORS, Flavor, HlsOptions

__all__ = ["ESTIMATE", "FLAVORS", "OPS", "SUPPORTED", "Flavor", "HlsOptions", "OpHashes", "emit"]
