"""What NumPy, `math`, `cmath` and `operator` offer that has no derivative, with the reasons that error messages give.

Types (``np.float64``, ``np.vectorize``, ``np.nditer``, ``np.poly1d``) are not functions and do not stand here.
`ATTRIBUTES` are those of `numpy.ndarray` that traced values do not have, `OPERATORS` the functions of `operator` that do not
apply to floating numbers.
"""

from __future__ import annotations

import cmath
import math

import numpy as np

from adjoint._rules.book import constant, excluded

# Text may show a traced value: what is printed influences no result.
constant(np.array2string, np.array_repr, np.array_str, np.format_float_positional, np.format_float_scientific)

# fmt: off
excluded("it reads a file; read the data before, or hold it constant",
         np.fromfile, np.fromregex, np.genfromtxt, np.load, np.loadtxt, np.fromstring, np.frombuffer)
excluded("it writes a file, which would keep a number without its derivative; write stop_gradient(x)",
         np.save, np.savetxt, np.savez, np.savez_compressed)
excluded("it is about text and numbers in text, and its arguments are integers",
         np.base_repr, np.binary_repr)
excluded("it sets or shows how NumPy prints, or what NumPy is, and computes nothing",
         np.get_printoptions, np.set_printoptions, np.printoptions, np.show_config, np.show_runtime, np.get_include, np.info, np.test)
excluded("it sets or shows how NumPy treats floating-point errors and buffers, and computes nothing",
         np.geterr, np.seterr, np.geterrcall, np.seterrcall, np.getbufsize, np.setbufsize)
excluded("its arguments are dtypes or names of dtypes, not numbers",
         np.isdtype, np.issubdtype, np.promote_types, np.typename, np.mintypecode)
excluded("its arguments are dates",
         np.busday_count, np.busday_offset, np.is_busday, np.datetime_as_string, np.datetime_data, np.isnat)
excluded("its arguments are integers or booleans, which have no derivative",
         np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.bitwise_count, np.invert, np.left_shift, np.right_shift,
         np.gcd, np.lcm, np.packbits, np.unpackbits,
         math.comb, math.factorial, math.gcd, math.isqrt, math.lcm, math.perm)
excluded("its arguments are sizes and positions, which are integers",
         np.indices, np.diag_indices, np.tril_indices, np.triu_indices, np.mask_indices, np.unravel_index, np.ravel_multi_index,
         np.broadcast_shapes, np.tri, np.bartlett, np.blackman, np.hamming, np.hanning)
excluded("it makes a ufunc of objects out of a Python function; numpy.vectorize has a derivative",
         np.frompyfunc)
excluded("it takes the memory of another library, which its own traced values may own; convert before",
         np.from_dlpack)
excluded("numpy.matrix is deprecated by NumPy; use arrays",
         np.asmatrix, np.bmat)
excluded("it iterates over plain memory; index the array, or use numpy.ndindex",
         np.nested_iters)
excluded("it is about the memory layout of an array, which a traced value need not have",
         np.isfortran, np.require)
excluded("NumPy gives it plain numbers; write numpy.i0(beta * sqrt(1 - (2*n/(M - 1) - 1)**2)) / numpy.i0(beta)",
         np.kaiser)
excluded("it plans a contraction from shapes, and computes nothing; numpy.einsum has a derivative",
         np.einsum_path)

ATTRIBUTES: dict[str, str] = {
    "byteswap": "memory: it reinterprets the bytes of a number",
    "ctypes":   "memory: foreign code would read numbers without their derivatives",
    "data":     "memory: see ctypes",
    "dump":     "a file would keep a number without its derivative; dump stop_gradient(x)",
    "dumps":    "see dump",
    "flags":    "memory: a traced value need not have any",
    "getfield": "memory: it reinterprets the bytes of a number",
    "resize":   "it changes memory that views may share; use numpy.resize",
    "setfield": "see getfield",
    "setflags": "see flags",
    "strides":  "memory: a traced value need not have any",
    "to_device": "arrays of NumPy are on one device only",
    "tobytes":  "bytes would keep a number without its derivative",
    "tofile":   "see dump",
    "view":     "memory: it reinterprets the bytes of a number; use astype, real, imag",
    "device":   "arrays of NumPy are on one device only",
}

OPERATORS: dict[str, str] = {
    "and_": "bits of integers", "or_": "bits of integers", "xor": "bits of integers", "inv": "bits of integers", "invert": "bits of integers",
    "lshift": "bits of integers", "rshift": "bits of integers", "iand": "bits of integers", "ior": "bits of integers",
    "ixor": "bits of integers", "ilshift": "bits of integers", "irshift": "bits of integers",
    "concat": "of sequences, which are followed entry by entry", "iconcat": "of sequences, which are followed entry by entry",
    "delitem": "arrays have no items to delete", "index": "floats cannot be indices", "length_hint": "it asks for a length",
    "countOf": "it counts", "indexOf": "it finds a position", "is_": "identity of objects", "is_not": "identity of objects",
    "attrgetter": "it makes a function", "itemgetter": "it makes a function", "methodcaller": "it makes a function",
    "call": "it calls a function, which is followed",
}
# fmt: on

constant(np.iterable)
# Of a float, the next float and the distance to it: floating-point arithmetic, not mathematics.
constant(*(getattr(math, name) for name in ("ulp", "nextafter") if hasattr(math, name)), np.nextafter, np.spacing)
constant(cmath.isclose, cmath.isfinite, cmath.isinf, cmath.isnan)
