/* The machine's limit beside `make bench`: nanoseconds of one fused multiply-add of a whole vector, one thread, the best of
 * several runs. Compiled for the host; BYTES is the vector's width. */
#include <stdio.h>
#include <time.h>

enum { CHAINS = 12, ROUNDS = 200000, REPEATS = 25 };

typedef float Vector __attribute__((vector_size(BYTES)));

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void)
{
	Vector sum[CHAINS], factor, term;
	double best = 1e9;
	float total = 0;
	for (unsigned i = 0; i < BYTES / sizeof(float); i++) {
		factor[i] = 0.999F;
		term[i] = 1e-3F;
	}
	for (int i = 0; i < CHAINS; i++)
		sum[i] = term;
	for (int repeat = 0; repeat < REPEATS; repeat++) {
		double start = now();
		for (int round = 0; round < ROUNDS; round++)
#pragma GCC unroll 12
			for (int i = 0; i < CHAINS; i++)
				sum[i] = sum[i] * factor + term;
		double seconds = now() - start;
		best = seconds < best ? seconds : best;
	}
	for (int i = 0; i < CHAINS; i++)
		total += sum[i][0];
	printf("%.4f\n", total > 0 ? 1e9 * best / CHAINS / ROUNDS : 0);
	return 0;
}
