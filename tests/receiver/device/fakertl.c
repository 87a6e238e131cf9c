/* librtlsdr without a dongle: plays the file RTLFAKE_FILE (cu8) at the rate that is set, and then is silent; RTLFAKE_LOSE
   is "BYTE:COUNT" that vanish without a word. Whatever sets something succeeds. Built as librtlsdr.so.0, so that rtl_tcp,
   SoapyRTLSDR and pyrtlsdr run on it. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    FILE *file;
    uint32_t rate, frequency;
    int gain, ppm;
    volatile int cancelled;
    double due;
    long at, lose_at, lose;
} rtlsdr_dev_t;
typedef void (*callback_t)(unsigned char *, uint32_t, void *);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static int next_block(rtlsdr_dev_t *d, unsigned char *buffer, uint32_t length) {
    const size_t got = d->file ? fread(buffer, 1, length, d->file) : 0;
    if (d->due == 0) d->due = now();
    d->at += (long)got;
    if (d->lose && d->at >= d->lose_at) {
        fseek(d->file, d->lose, SEEK_CUR);
        d->due += (double)d->lose / 2.0 / d->rate;
        d->lose = 0;
    }
    d->due += length / 2.0 / d->rate;
    for (double wait; (wait = d->due - now()) > 0 && !d->cancelled;) usleep((useconds_t)(1e6 * (wait < 0.02 ? wait : 0.02)));
    return got == length;
}

uint32_t rtlsdr_get_device_count(void) { return 1; }
const char *rtlsdr_get_device_name(uint32_t i) { return i ? "" : "Fake RTL"; }
int rtlsdr_get_device_usb_strings(uint32_t i, char *maker, char *product, char *serial) {
    if (i) return -1;
    if (maker) strcpy(maker, "Fake");
    if (product) strcpy(product, "RTL");
    if (serial) strcpy(serial, "00000001");
    return 0;
}
int rtlsdr_get_index_by_serial(const char *serial) { return strcmp(serial, "00000001") ? -3 : 0; }
int rtlsdr_open(rtlsdr_dev_t **out, uint32_t i) {
    const char *path = getenv("RTLFAKE_FILE");
    if (i || !path) return -1;
    rtlsdr_dev_t *d = calloc(1, sizeof *d);
    d->file = fopen(path, "rb");
    d->rate = 250000;
    if (getenv("RTLFAKE_LOSE")) sscanf(getenv("RTLFAKE_LOSE"), "%ld:%ld", &d->lose_at, &d->lose);
    *out = d;
    return d->file ? 0 : -1;
}
int rtlsdr_close(rtlsdr_dev_t *d) {
    if (d->file) fclose(d->file);
    free(d);
    return 0;
}
int rtlsdr_set_center_freq(rtlsdr_dev_t *d, uint32_t f) { d->frequency = f; return 0; }
uint32_t rtlsdr_get_center_freq(rtlsdr_dev_t *d) { return d->frequency; }
int rtlsdr_set_sample_rate(rtlsdr_dev_t *d, uint32_t r) { d->rate = r; return 0; }
uint32_t rtlsdr_get_sample_rate(rtlsdr_dev_t *d) { return d->rate; }
int rtlsdr_set_freq_correction(rtlsdr_dev_t *d, int ppm) {
    if (ppm == d->ppm) return -2;
    d->ppm = ppm;
    return 0;
}
int rtlsdr_get_freq_correction(rtlsdr_dev_t *d) { return d->ppm; }
int rtlsdr_get_tuner_type(rtlsdr_dev_t *d) { return d ? 5 : 0; }
int rtlsdr_get_tuner_gains(rtlsdr_dev_t *d, int *gains) {
    static const int known[] = {0, 90, 200, 328, 496};
    if (!d) return -1;
    if (gains) memcpy(gains, known, sizeof known);
    return 5;
}
int rtlsdr_set_tuner_gain(rtlsdr_dev_t *d, int gain) { d->gain = gain; return 0; }
int rtlsdr_get_tuner_gain(rtlsdr_dev_t *d) { return d->gain; }
int rtlsdr_reset_buffer(rtlsdr_dev_t *d) { return d ? 0 : -1; }
int rtlsdr_read_sync(rtlsdr_dev_t *d, void *buffer, int length, int *got) {
    *got = next_block(d, buffer, (uint32_t)length) ? length : 0;
    return 0;
}
int rtlsdr_read_async(rtlsdr_dev_t *d, callback_t callback, void *context, uint32_t number, uint32_t length) {
    (void)number;
    if (!length) length = 262144;
    unsigned char *buffer = malloc(length);
    d->cancelled = 0;
    while (!d->cancelled)
        if (next_block(d, buffer, length)) callback(buffer, length, context);
    free(buffer);
    return 0;
}
int rtlsdr_wait_async(rtlsdr_dev_t *d, callback_t callback, void *context) { return rtlsdr_read_async(d, callback, context, 0, 0); }
int rtlsdr_cancel_async(rtlsdr_dev_t *d) { d->cancelled = 1; return 0; }

#define TAKES(name) int name(rtlsdr_dev_t *d, ...) { return d ? 0 : -1; }
TAKES(rtlsdr_set_agc_mode) TAKES(rtlsdr_set_bias_tee) TAKES(rtlsdr_set_direct_sampling) TAKES(rtlsdr_set_offset_tuning)
TAKES(rtlsdr_set_testmode) TAKES(rtlsdr_set_tuner_bandwidth) TAKES(rtlsdr_set_tuner_gain_mode)
TAKES(rtlsdr_set_tuner_if_gain) TAKES(rtlsdr_set_xtal_freq) TAKES(rtlsdr_get_xtal_freq) TAKES(rtlsdr_set_dithering)
TAKES(rtlsdr_set_and_get_tuner_bandwidth) TAKES(rtlsdr_set_gpio_bit) TAKES(rtlsdr_get_gpio_bit)
TAKES(rtlsdr_set_gpio_byte) TAKES(rtlsdr_get_gpio_byte) TAKES(rtlsdr_set_gpio_input) TAKES(rtlsdr_set_gpio_output)
TAKES(rtlsdr_set_gpio_status) TAKES(rtlsdr_set_bias_tee_gpio) TAKES(rtlsdr_get_offset_tuning)
TAKES(rtlsdr_get_direct_sampling)
