/* Vectors of the width that the instruction set has, by GCC's and clang's vector extensions, and the sums made of them.
   Each sum is over the same partial sums in the same order whatever the alignment, so cutting a stream changes no bit. */
#ifndef RADOME_SIMD_H
#define RADOME_SIMD_H
#include <stddef.h>
#include <string.h>

#if defined(__AVX512F__)
#define RADOME_LANES 16
#elif defined(__AVX2__)
#define RADOME_LANES 8
#else
#define RADOME_LANES 4
#endif

typedef float radome_vf __attribute__((vector_size(4 * RADOME_LANES)));

static inline radome_vf radome_load(const float *p) {
    radome_vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* y = sum of x[i]*h[i] */
static inline void radome_dot_real(const float *x, const float *h, ptrdiff_t n, float *y) {
    radome_vf a = {0}, b = {0};
    ptrdiff_t i = 0;
    float s = 0;
    for (; i + 2 * RADOME_LANES <= n; i += 2 * RADOME_LANES) {
        a += radome_load(x + i) * radome_load(h + i);
        b += radome_load(x + i + RADOME_LANES) * radome_load(h + i + RADOME_LANES);
    }
    if (i + RADOME_LANES <= n) {
        a += radome_load(x + i) * radome_load(h + i);
        i += RADOME_LANES;
    }
    a += b;
    for (int j = 0; j < RADOME_LANES; j++) s += a[j];
    for (; i < n; i++) s += x[i] * h[i];
    *y = s;
}

/* (y0, y1) = sums of x[2i]*h2[2i] and x[2i+1]*h2[2i+1], each tap standing twice in h2; n complex items */
static inline void radome_dot_complex(const float *x, const float *h2, ptrdiff_t n, float *y) {
    radome_vf a = {0}, b = {0};
    ptrdiff_t i = 0, m = 2 * n;
    float re = 0, im = 0;
    for (; i + 2 * RADOME_LANES <= m; i += 2 * RADOME_LANES) {
        a += radome_load(x + i) * radome_load(h2 + i);
        b += radome_load(x + i + RADOME_LANES) * radome_load(h2 + i + RADOME_LANES);
    }
    if (i + RADOME_LANES <= m) {
        a += radome_load(x + i) * radome_load(h2 + i);
        i += RADOME_LANES;
    }
    a += b;
    for (int j = 0; j < RADOME_LANES; j += 2) {
        re += a[j];
        im += a[j + 1];
    }
    for (; i < m; i += 2) {
        re += x[i] * h2[i];
        im += x[i + 1] * h2[i + 1];
    }
    y[0] = re;
    y[1] = im;
}
#endif
