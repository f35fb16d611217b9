/* The matrix product that a dense net contains: X X^T for X of n x d, by BLAS.
 * gemm N D THREADS prints "sgemm SECONDS" and "dgemm SECONDS", the best of five runs each. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void openblas_set_num_threads(int threads);

enum { RUNS = 5 };

static double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int time_single(int n, int d)
{
	size_t rows = (size_t)n, columns = (size_t)d;
	float *x = malloc(rows * columns * sizeof *x), *k = malloc(rows * rows * sizeof *k);
	double best = 1e30;
	for (size_t i = 0; x && i < rows * columns; i++)
		x[i] = (float)((double)rand() / RAND_MAX - 0.5);
	for (int run = 0; x && k && run < RUNS; run++) {
		double begin = seconds_now();
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1.0f / (float)d, x, d, x, d, 0.0f, k, n);
		double took = seconds_now() - begin;
		best = took < best ? took : best;
	}
	int good = x && k;
	free(x);
	free(k);
	if (good)
		printf("sgemm %.6f\n", best);
	return good;
}

static int time_double(int n, int d)
{
	size_t rows = (size_t)n, columns = (size_t)d;
	double *x = malloc(rows * columns * sizeof *x), *k = malloc(rows * rows * sizeof *k);
	double best = 1e30;
	for (size_t i = 0; x && i < rows * columns; i++)
		x[i] = (double)rand() / RAND_MAX - 0.5;
	for (int run = 0; x && k && run < RUNS; run++) {
		double begin = seconds_now();
		cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1.0 / (double)d, x, d, x, d, 0.0, k, n);
		double took = seconds_now() - begin;
		best = took < best ? took : best;
	}
	int good = x && k;
	free(x);
	free(k);
	if (good)
		printf("dgemm %.6f\n", best);
	return good;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: gemm N D THREADS\n");
		return 2;
	}
	int n = atoi(argv[1]), d = atoi(argv[2]);
	openblas_set_num_threads(atoi(argv[3]));
	if (n < 1 || d < 1 || !time_single(n, d) || !time_double(n, d)) {
		fprintf(stderr, "gemm: bad size or no memory\n");
		return 1;
	}
	return 0;
}
