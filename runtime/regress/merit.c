/* Leave-one-out errors and marginal likelihoods: see merit.h. */
#include "regress/merit.h"

#include "numerics/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- leave one out --------------------------------------------------------------------------------------------- */

/* diagonal[i] = (R^-1)_ii. */
static void inverse_diagonal(const EntkInverse *inverse, double *diagonal)
{
	size_t n = inverse->n;
	memset(diagonal, 0, n * sizeof *diagonal);
	for (size_t k = 0; k < n; k++) {
		const double *row = inverse->rows + k * n;
		double weight = inverse->weights ? inverse->weights[k] : 1;
		size_t end = inverse->triangular ? k + 1 : n;
		for (size_t i = 0; i < end; i++)
			diagonal[i] += weight * row[i] * row[i];
	}
}

/* block (size x size) of R^-1 at the samples `members`; `gathered` has n * size numbers. */
static void inverse_block(const EntkInverse *inverse, const size_t *members, size_t size, double *gathered,
			  double *block)
{
	size_t n = inverse->n;
	for (size_t i = 0; i < size; i++)
		for (size_t k = 0; k < n; k++) {
			double weight = inverse->weights ? sqrt(inverse->weights[k]) : 1;
			bool absent = inverse->triangular && members[i] > k;
			gathered[i * n + k] = absent ? 0 : weight * inverse->rows[k * n + members[i]];
		}
	entk_linalg_product_transposed(gathered, gathered, size, size, n, block);
}

/* [KR-42] Errors of one group's samples when the whole group is left out: (R^-1)_gg^-1 (R^-1 Y)_g, Schur's complement. */
static EntkStatus group_errors(const EntkInverse *inverse, const double *solved, size_t outputs, const size_t *members,
			       size_t size, double *errors, EntkError *error)
{
	size_t n = inverse->n;
	double *gathered = entk_linalg_matrix(size, n, "a group's part of the inverse", error);
	double *block = entk_linalg_matrix(size, size, "a group's part of the inverse", error);
	double *right = entk_linalg_matrix(outputs, size, "a group's errors", error);
	EntkStatus status = gathered && block && right ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		inverse_block(inverse, members, size, gathered, block);
		for (size_t o = 0; o < outputs; o++)
			for (size_t i = 0; i < size; i++)
				right[o * size + i] = solved[o * n + members[i]];
		status = entk_linalg_cholesky(block, size, error);
	}
	if (status == ENTK_OK)
		status = entk_linalg_cholesky_solve(block, size, right, outputs, error);
	for (size_t o = 0; status == ENTK_OK && o < outputs; o++)
		for (size_t i = 0; i < size; i++)
			errors[o * n + members[i]] = right[o * size + i];
	free(gathered);
	free(block);
	free(right);
	return status;
}

/* One list of samples per group, laid end to end: starts has count + 1 entries. */
typedef struct Groups {
	size_t count;
	size_t *members, *starts;
} Groups;

typedef struct Member {
	size_t group, sample;
} Member;

static int compare_members(const void *a, const void *b)
{
	const Member *x = a, *y = b;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->sample < y->sample ? -1 : x->sample > y->sample;
}

static EntkStatus groups_create(const size_t *numbers, size_t n, Groups *groups, EntkError *error)
{
	memset(groups, 0, sizeof *groups);
	Member *sorted = entk_allocate(n, sizeof *sorted, "the groups", error);
	groups->members = entk_allocate(n, sizeof *groups->members, "the groups", error);
	groups->starts = entk_allocate(n + 1, sizeof *groups->starts, "the groups", error);
	if (!sorted || !groups->members || !groups->starts) {
		free(sorted);
		return error->status;
	}
	for (size_t i = 0; i < n; i++)
		sorted[i] = (Member){numbers[i], i};
	qsort(sorted, n, sizeof *sorted, compare_members);
	for (size_t i = 0; i < n; i++) {
		groups->members[i] = sorted[i].sample;
		if (i == 0 || sorted[i].group != sorted[i - 1].group)
			groups->starts[groups->count++] = i;
	}
	groups->starts[groups->count] = n;
	free(sorted);
	return ENTK_OK;
}

static void groups_destroy(Groups *groups)
{
	free(groups->members);
	free(groups->starts);
}

/* errors (outputs x n): targets minus leave-one-out predictions. `solved` is R^-1 Y, `diagonal` that of R^-1. */
static EntkStatus loo_errors(const EntkInverse *inverse, const double *diagonal, const double *solved, size_t outputs,
			     const size_t *numbers, double *errors, EntkError *error)
{
	size_t n = inverse->n;
	for (size_t o = 0; o < outputs; o++)
		for (size_t i = 0; i < n; i++)
			errors[o * n + i] = solved[o * n + i] / diagonal[i];
	if (!numbers)
		return ENTK_OK;
	Groups groups;
	EntkStatus status = groups_create(numbers, n, &groups, error);
	for (size_t g = 0; status == ENTK_OK && g < groups.count; g++) {
		size_t size = groups.starts[g + 1] - groups.starts[g];
		if (size > 1)
			status = group_errors(inverse, solved, outputs, groups.members + groups.starts[g], size, errors,
					      error);
	}
	groups_destroy(&groups);
	return status;
}

/* ---- figures of merit ----------------------------------------------------------------------------------------- */

void entk_merit_likelihood(const double *solved, const double *targets, size_t outputs, size_t n,
			   double log_determinant, EntkMerit *merit)
{
	const double pi = 3.14159265358979323846;
	double count = (double)outputs * (double)n, q = entk_linalg_dot(targets, solved, outputs * n),
	       rest = (double)outputs * (log_determinant + (double)n * log(2 * pi));
	/* [KR-43] The best scale is s = q / (n outputs). */
	*merit = (EntkMerit){
		.loo_mse = NAN,
		.log_marginal = -0.5 * (q + rest),
		.log_evidence = -0.5 * (count * (log(q / count) + 1) + rest),
		.amplitude = q / count,
		.val_mse = NAN,
	};
}

EntkStatus entk_merit_leave_one_out(const EntkInverse *inverse, const double *solved, const double *targets,
				    size_t outputs, const size_t *groups, EntkMerit *merit, double *loo,
				    EntkError *error)
{
	size_t n = inverse->n;
	double *diagonal = entk_allocate(n, sizeof *diagonal, "the inverse's diagonal", error);
	double *errors = entk_linalg_matrix(outputs, n, "the leave-one-out errors", error);
	EntkStatus status = diagonal && errors ? ENTK_OK : error->status;
	if (status == ENTK_OK) {
		inverse_diagonal(inverse, diagonal);
		status = loo_errors(inverse, diagonal, solved, outputs, groups, errors, error);
	}
	if (status == ENTK_OK) {
		double squares = 0, scaled = 0, count = (double)outputs * (double)n;
		for (size_t i = 0; i < outputs * n; i++) {
			squares += errors[i] * errors[i];
			/* [KR-42] e' (its covariance)^-1 e, summed over what is left out together: U_gg e_g is `solved`. */
			scaled += solved[i] * errors[i];
		}
		merit->loo_mse = squares / count;
		merit->amplitude = scaled / count;
		for (size_t i = 0; loo && i < outputs * n; i++)
			loo[i] = targets[i] - errors[i];
	}
	free(diagonal);
	free(errors);
	return status;
}
