/* The inner loop of convert.pyx that compilers make too much of. */
#ifndef RADOME_CONVERT_H
#define RADOME_CONVERT_H
#include <stddef.h>
#include <stdint.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

/* y = (x - zero) / 128 */
static void radome_from_bytes(const uint8_t *x, float *y, ptrdiff_t n, float zero) {
    const float scale = 1.0f / 128;
    ptrdiff_t i = 0;
#if defined(__AVX512F__)
#pragma GCC unroll 4
    for (; i + 16 <= n; i += 16) {
        __m512 v = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(x + i))));
        _mm512_storeu_ps(y + i, (v - zero) * scale);
    }
#elif defined(__AVX2__)
#pragma GCC unroll 4
    for (; i + 8 <= n; i += 8) {
        __m256 v = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(x + i))));
        _mm256_storeu_ps(y + i, (v - zero) * scale);
    }
#endif
    for (; i < n; i++) y[i] = ((float)x[i] - zero) * scale;
}
#endif
