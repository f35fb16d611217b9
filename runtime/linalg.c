/* LAPACK and BLAS: see linalg.h. A row-major lower triangle is a column-major upper one, hence the 'U' below: LAPACK's
 * A = U^T U with U = L^T. */
#include "linalg.h"

#include "executor.h"

#include <cblas.h>
#include <lapacke.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* OpenBLAS's own; other BLAS libraries may lack it. */
extern void openblas_set_num_threads(int threads) __attribute__((weak));

void entk_linalg_threads(unsigned threads)
{
	if (openblas_set_num_threads)
		openblas_set_num_threads((int)entk_thread_count(threads));
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

double entk_linalg_norm(const double *a, size_t n)
{
	double norm = 0;
	for (size_t i = 0; i < n; i++) {
		double sum = cblas_dasum((int)n, a + i * n, 1);
		norm = sum > norm ? sum : norm;
	}
	return norm;
}

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
