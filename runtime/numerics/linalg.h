/* Dense linear algebra in float64 through LAPACK and BLAS, on row-major arrays.
 *
 * Symmetric matrices are passed whole. Right-hand sides and other sets of vectors are rows: `b` of m x n holds m vectors
 * of length n, which LAPACK reads as the columns of its column-major matrix. So nothing is ever transposed or copied. */
#ifndef ENTK_NUMERICS_LINALG_H
#define ENTK_NUMERICS_LINALG_H

#include "support/status.h"

#include <stddef.h>

/* Threads of BLAS and LAPACK from now on; 0: as many as the machine has. The library's setting is per process. Fewer where no more can be had; ENTK_MEMORY where the library could not even work on one: it would
 * wait for memory forever. */
EntkStatus entk_linalg_threads(unsigned threads, EntkError *error);

/* rows x columns doubles, or NULL; the caller frees them. `what` names the thing. */
double *entk_linalg_matrix(size_t rows, size_t columns, const char *what, EntkError *error);

/* A = L L^T in place: the lower triangle becomes L, the upper one is left as it was. ENTK_NUMERICAL when A is not positive definite. */
EntkStatus entk_linalg_cholesky(double *a, size_t n, EntkError *error);
/* The m rows b of length n become A^-1 b, with L from entk_linalg_cholesky. */
EntkStatus entk_linalg_cholesky_solve(const double *l, size_t n, double *b, size_t m, EntkError *error);
/* The m rows b become L^-1 b. */
void entk_linalg_forward_solve(const double *l, size_t n, double *b, size_t m);
/* The lower triangle L becomes L^-1 (lower); the upper one is left as it was. */
EntkStatus entk_linalg_invert_lower(double *l, size_t n, EntkError *error);
/* The m rows b become L b, or L^T b. */
void entk_linalg_multiply_lower(const double *l, size_t n, bool transposed, double *b, size_t m);
/* The lower triangle becomes a copy of the upper one. */
void entk_linalg_mirror(double *a, size_t n);
/* An estimate (LAPACK's, from below, usually within a factor of 3) of A's condition number in the 1-norm. `norm` is A's. */
EntkStatus entk_linalg_cholesky_condition(const double *l, size_t n, double norm, double *condition, EntkError *error);
double entk_linalg_mean_diagonal(const double *a, size_t n);
/* The 1-norm of a symmetric matrix. */
double entk_linalg_norm(const double *a, size_t n);

/* The largest eigenvalue of a symmetric matrix, to about 1e-6 of it, by Lanczos's iteration: some ten products with a vector. */
EntkStatus entk_linalg_largest(const double *a, size_t n, double *largest, EntkError *error);

/* A = sum_k values[k] v_k v_k^T in place: row k becomes the unit vector v_k; values ascend. */
EntkStatus entk_linalg_eigen(double *a, size_t n, double *values, EntkError *error);

/* c = a b^T, all row-major: a is m x k, b is n x k, c is m x n. */
void entk_linalg_product_transposed(const double *a, const double *b, size_t m, size_t n, size_t k, double *c);
/* c = a b: a is m x k, b is k x n, c is m x n. */
void entk_linalg_product(const double *a, const double *b, size_t m, size_t n, size_t k, double *c);
double entk_linalg_dot(const double *a, const double *b, size_t n);

#endif
