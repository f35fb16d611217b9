/* LAPACK and BLAS: see linalg.h. A row-major lower triangle is a column-major upper one, hence the 'U' below: LAPACK's
 * A = U^T U with U = L^T. */
#include "numerics/linalg.h"

#include "numerics/blas.h"
#include "support/executor.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* OpenBLAS's own; other BLAS libraries may lack it. */
extern void openblas_set_num_threads(int threads) __attribute__((weak));

EntkStatus entk_linalg_threads(unsigned threads, EntkError *error)
{
	unsigned count = entk_thread_count(threads);
	EntkStatus status = entk_blas_prepare(&count, error);
	if (status == ENTK_OK && openblas_set_num_threads)
		openblas_set_num_threads((int)count);
	return status;
}

double *entk_linalg_matrix(size_t rows, size_t columns, const char *what, EntkError *error)
{
	size_t count;
	if (!entk_multiply(rows, columns, &count)) {
		entk_fail_memory(error, what, SIZE_MAX);
		return NULL;
	}
	return entk_allocate(count, sizeof(double), what, error);
}

/* LAPACK counts in 32 bits here. */
static EntkStatus check_size(size_t n, size_t m, EntkError *error)
{
	if (n <= INT_MAX && m <= INT_MAX)
		return ENTK_OK;
	return entk_fail(error, ENTK_INPUT, NULL, "%zu samples, LAPACK takes at most %d", n > m ? n : m, INT_MAX);
}

/* A negative `info` is our mistake, or memory that LAPACKE could not get. */
static EntkStatus bad_call(const char *routine, lapack_int info, EntkError *error)
{
	if (info == LAPACK_WORK_MEMORY_ERROR || info == LAPACK_TRANSPOSE_MEMORY_ERROR)
		return entk_fail_memory(error, "LAPACK's workspace", 0);
	return entk_fail(error, ENTK_INTERNAL, routine, "LAPACK refused argument %d", (int)-info);
}

EntkStatus entk_linalg_cholesky(double *a, size_t n, EntkError *error)
{
	EntkStatus status = check_size(n, 1, error);
	if (status != ENTK_OK || n == 0)
		return status;
	/* _work: without LAPACKE's own search for NaN, which reads the matrix once more; Grams are known to be finite. */
	lapack_int info = LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, a, (lapack_int)n);
	if (info < 0)
		return bad_call("dpotrf", info, error);
	if (info > 0)
		return entk_fail(error, ENTK_NUMERICAL, NULL,
				 "the Gram matrix is not positive definite: pivot %d of %zu is not positive", (int)info,
				 n);
	return ENTK_OK;
}

EntkStatus entk_linalg_cholesky_solve(const double *l, size_t n, double *b, size_t m, EntkError *error)
{
	EntkStatus status = check_size(n, m, error);
	if (status != ENTK_OK || n == 0 || m == 0)
		return status;
	lapack_int info = LAPACKE_dpotrs_work(LAPACK_COL_MAJOR, 'U', (lapack_int)n, (lapack_int)m, l, (lapack_int)n, b,
					      (lapack_int)n);
	return info == 0 ? ENTK_OK : bad_call("dpotrs", info, error);
}

void entk_linalg_forward_solve(const double *l, size_t n, double *b, size_t m)
{
	if (n > 0 && m > 0)
		cblas_dtrsm(CblasColMajor, CblasLeft, CblasUpper, CblasTrans, CblasNonUnit, (int)n, (int)m, 1, l,
			    (int)n, b, (int)n);
}

EntkStatus entk_linalg_invert_lower(double *l, size_t n, EntkError *error)
{
	EntkStatus status = check_size(n, 1, error);
	if (status != ENTK_OK || n == 0)
		return status;
	lapack_int info = LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'U', 'N', (lapack_int)n, l, (lapack_int)n);
	if (info > 0)
		return entk_fail(error, ENTK_NUMERICAL, NULL,
				 "a triangular matrix is singular: diagonal entry %d is zero", (int)info);
	return info == 0 ? ENTK_OK : bad_call("dtrtri", info, error);
}

void entk_linalg_multiply_lower(const double *l, size_t n, bool transposed, double *b, size_t m)
{
	if (n > 0 && m > 0)
		cblas_dtrmm(CblasColMajor, CblasLeft, CblasUpper, transposed ? CblasNoTrans : CblasTrans, CblasNonUnit,
			    (int)n, (int)m, 1, l, (int)n, b, (int)n);
}

void entk_linalg_mirror(double *a, size_t n)
{
	/* Block by block: a column's entries lie a whole row apart, so the lines that a block touches must stay in the cache. */
	enum { BLOCK = 16 };
	for (size_t top = 0; top < n; top += BLOCK)
		for (size_t left = 0; left <= top; left += BLOCK)
			for (size_t i = top; i < top + BLOCK && i < n; i++)
				for (size_t j = left; j < left + BLOCK && j < i; j++)
					a[i * n + j] = a[j * n + i];
}

EntkStatus entk_linalg_cholesky_condition(const double *l, size_t n, double norm, double *condition, EntkError *error)
{
	double reciprocal = 1;
	EntkStatus status = check_size(n, 1, error);
	if (status != ENTK_OK)
		return status;
	if (n > 0) {
		lapack_int info =
			LAPACKE_dpocon(LAPACK_COL_MAJOR, 'U', (lapack_int)n, l, (lapack_int)n, norm, &reciprocal);
		if (info != 0)
			return bad_call("dpocon", info, error);
	}
	*condition = reciprocal > 0 ? 1 / reciprocal : INFINITY;
	return ENTK_OK;
}

double entk_linalg_mean_diagonal(const double *a, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += a[i * n + i];
	return n ? sum / (double)n : 0;
}

double entk_linalg_norm(const double *a, size_t n)
{
	double norm = 0;
	for (size_t i = 0; i < n; i++) {
		double sum = cblas_dasum((int)n, a + i * n, 1);
		norm = sum > norm ? sum : norm;
	}
	return norm;
}

/* ---- Lanczos --------------------------------------------------------------------------------------------------- */

#define LANCZOS_STEPS     100
#define LANCZOS_TOLERANCE 1e-9

/* The largest eigenvalue of a tridiagonal matrix. */
static EntkStatus tridiagonal_largest(const double *diagonal, const double *beside, size_t n, double *largest,
				      EntkError *error)
{
	double d[LANCZOS_STEPS], e[LANCZOS_STEPS], none;
	memcpy(d, diagonal, n * sizeof *d);
	memcpy(e, beside, n * sizeof *e);
	lapack_int info = LAPACKE_dstev(LAPACK_COL_MAJOR, 'N', (lapack_int)n, d, e, &none, 1);
	if (info > 0)
		return entk_fail(error, ENTK_NUMERICAL, NULL,
				 "the eigenvalues of a tridiagonal matrix did not converge");
	*largest = d[n - 1];
	return info == 0 ? ENTK_OK : bad_call("dstev", info, error);
}

/* A start that no symmetry of the samples makes orthogonal to the eigenvector: near the constant one, as the leading vectors of
 * kernels are. */
static void lanczos_start(double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		v[i] = 1 + 0.3 * sin(1.7 * (double)i * (double)i + 0.5);
	cblas_dscal((int)n, 1 / cblas_dnrm2((int)n, v, 1), v, 1);
}

/* Vectors are not orthogonalized again: rounding then repeats eigenvalues that were found, and the largest stays right. */
static EntkStatus lanczos(const double *a, size_t n, double *v, double *before, double *w, double *largest,
			  EntkError *error)
{
	double diagonal[LANCZOS_STEPS], beside[LANCZOS_STEPS] = {0}, last = 0;
	lanczos_start(v, n);
	for (size_t k = 0; k < LANCZOS_STEPS; k++) {
		cblas_dsymv(CblasRowMajor, CblasUpper, (int)n, 1, a, (int)n, v, 1, 0, w, 1);
		diagonal[k] = cblas_ddot((int)n, v, 1, w, 1);
		cblas_daxpy((int)n, -diagonal[k], v, 1, w, 1);
		if (k > 0)
			cblas_daxpy((int)n, -beside[k - 1], before, 1, w, 1);
		EntkStatus status = tridiagonal_largest(diagonal, beside, k + 1, largest, error);
		if (status != ENTK_OK)
			return status;
		beside[k] = cblas_dnrm2((int)n, w, 1);
		double scale = fabs(*largest);
		if (beside[k] <= 1e-14 * scale || k + 1 == n ||
		    (k > 2 && fabs(*largest - last) <= LANCZOS_TOLERANCE * scale))
			return ENTK_OK;
		last = *largest;
		memcpy(before, v, n * sizeof *v);
		for (size_t i = 0; i < n; i++)
			v[i] = w[i] / beside[k];
	}
	return ENTK_OK;
}

EntkStatus entk_linalg_largest(const double *a, size_t n, double *largest, EntkError *error)
{
	*largest = 0;
	EntkStatus status = check_size(n, 1, error);
	if (status != ENTK_OK || n == 0)
		return status;
	double *vectors = entk_allocate(3 * n, sizeof *vectors, "Lanczos's vectors", error);
	if (!vectors)
		return error->status;
	status = lanczos(a, n, vectors, vectors + n, vectors + 2 * n, largest, error);
	free(vectors);
	return status;
}

/* ---- eigenvectors ---------------------------------------------------------------------------------------------- */

EntkStatus entk_linalg_eigen(double *a, size_t n, double *values, EntkError *error)
{
	EntkStatus status = check_size(n, 1, error);
	if (status != ENTK_OK || n == 0)
		return status;
	/* Column k of LAPACK's answer is row k of ours. */
	lapack_int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)n, a, (lapack_int)n, values);
	if (info > 0)
		return entk_fail(error, ENTK_NUMERICAL, NULL,
				 "the eigendecomposition of a %zu x %zu matrix did not converge", n, n);
	return info == 0 ? ENTK_OK : bad_call("dsyevd", info, error);
}

void entk_linalg_product_transposed(const double *a, const double *b, size_t m, size_t n, size_t k, double *c)
{
	if (m == 0 || n == 0)
		return;
	if (k == 0) {
		memset(c, 0, m * n * sizeof *c);
		return;
	}
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)k, 0, c,
		    (int)n);
}

void entk_linalg_product(const double *a, const double *b, size_t m, size_t n, size_t k, double *c)
{
	if (m == 0 || n == 0)
		return;
	if (k == 0) {
		memset(c, 0, m * n * sizeof *c);
		return;
	}
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)m, (int)n, (int)k, 1, a, (int)k, b, (int)n, 0, c,
		    (int)n);
}

double entk_linalg_dot(const double *a, const double *b, size_t n)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += a[i] * b[i];
	return sum;
}
