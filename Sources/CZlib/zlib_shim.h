#pragma once

#include <zlib.h>

// inflateInit2 and deflateInit2 are macros, which Swift does not see.

// Begins inflating. `window_bits`: 15 zlib, -15 raw deflate, 31 gzip, 47 zlib or gzip.
static inline int fs_inflate_init(z_stream *stream, int window_bits) {
    return inflateInit2(stream, window_bits);
}

// Begins deflating. `level`: 1 to 9; `window_bits`: 15 zlib, -15 raw deflate, 31 gzip.
static inline int fs_deflate_init(z_stream *stream, int level, int window_bits) {
    return deflateInit2(stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
}
