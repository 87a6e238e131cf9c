"""Between source and demodulator: Doppler, decimation, finding the carrier."""
