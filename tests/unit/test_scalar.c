/* Numbers over params: folding, evaluation, equality, text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the headers above first */
#include <cmocka.h>
#include <math.h>

#include "network/scalar.h"

static Arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_create();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_destroy(arena);
	return 0;
}

static const Scalar *number(double value)
{
	return scalar_const(arena, value);
}

static const Scalar *binary(ScalarOp op, const Scalar *a, const Scalar *b)
{
	return scalar_op(arena, op, a, b, NULL);
}

static void constants_fold(void **state)
{
	(void)state;
	const struct {
		ScalarOp op;
		double a, b, c, want;
	} cases[] = {
		{SCALAR_ADD, 2, 3, 0, 5},
		{SCALAR_SUB, 2, 3, 0, -1},
		{SCALAR_MUL, 2, 3, 0, 6},
		{SCALAR_DIV, 3, 2, 0, 1.5},
		{SCALAR_POW, 2, 10, 0, 1024},
		{SCALAR_MIN, 2, 3, 0, 2},
		{SCALAR_MAX, 2, 3, 0, 3},
		{SCALAR_NEG, 2, 0, 0, -2},
		{SCALAR_SQRT, 9, 0, 0, 3},
		{SCALAR_EXP, 1, 0, 0, 2.718281828459045},
		{SCALAR_LOG, 1, 0, 0, 0},
		{SCALAR_SIN, 0.5, 0, 0, 0.479425538604203},
		{SCALAR_COS, 0.5, 0, 0, 0.8775825618903728},
		{SCALAR_TAN, 0.5, 0, 0, 0.5463024898437905},
		{SCALAR_TANH, 0.5, 0, 0, 0.46211715726000973},
		{SCALAR_SINH, 0.5, 0, 0, 0.5210953054937474},
		{SCALAR_COSH, 0.5, 0, 0, 1.1276259652063807},
		{SCALAR_ATAN, 0.5, 0, 0, 0.4636476090008061},
		{SCALAR_ERF, 0.5, 0, 0, 0.5204998778130465},
		{SCALAR_ABS, -4, 0, 0, 4},
		{SCALAR_SIGN, -4, 0, 0, -1},
		{SCALAR_SIGN, 0, 0, 0, 0},
		{SCALAR_SIGN, 0.1, 0, 0, 1},
		{SCALAR_WHERE, 1, 2, 3, 2},
		{SCALAR_WHERE, 0, 2, 3, 3},
		{SCALAR_WHERE, -1, 2, 3, 3},
	};
	const double other_param = 7;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint32_t arity = scalar_op_arity(cases[i].op);
		const Scalar *folded =
			scalar_op(arena, cases[i].op, number(cases[i].a), arity > 1 ? number(cases[i].b) : NULL,
				  arity > 2 ? number(cases[i].c) : NULL);
		assert_true(scalar_is_const(folded));
		assert_true(fabs(folded->value - cases[i].want) <= 2e-16 * fabs(cases[i].want));
		/* the same with the first argument a param: evaluated, not folded, at the param's other value */
		const Scalar *kept =
			scalar_op(arena, cases[i].op, scalar_param(arena, 0, cases[i].a),
				  arity > 1 ? number(cases[i].b) : NULL, arity > 2 ? number(cases[i].c) : NULL);
		assert_false(scalar_is_const(kept));
		assert_true(kept->value == folded->value);
		assert_true(scalar_eval(kept, &cases[i].a) == folded->value);
		const Scalar *at_other =
			scalar_op(arena, cases[i].op, number(other_param), arity > 1 ? number(cases[i].b) : NULL,
				  arity > 2 ? number(cases[i].c) : NULL);
		assert_true(scalar_eval(kept, &other_param) == at_other->value);
	}
}

static void where_with_a_constant_condition_is_its_branch(void **state)
{
	(void)state;
	const Scalar *p = scalar_param(arena, 0, 2), *q = scalar_param(arena, 1, 3);
	assert_ptr_equal(scalar_op(arena, SCALAR_WHERE, number(1), p, q), p);
	assert_ptr_equal(scalar_op(arena, SCALAR_WHERE, number(0), p, q), q);
}

static void values_follow_params(void **state)
{
	(void)state;
	/* sqrt(p0) * 2 + p1 */
	const Scalar *root = scalar_op(arena, SCALAR_SQRT, scalar_param(arena, 0, 4), NULL, NULL);
	const Scalar *s = binary(SCALAR_ADD, binary(SCALAR_MUL, root, number(2)), scalar_param(arena, 1, 1));
	const double now[2] = {9, -1};
	assert_true(s->value == 5);
	assert_true(scalar_eval(s, now) == 5);
	const double then[2] = {16, 0.5};
	assert_true(scalar_eval(s, then) == 8.5);
	assert_int_equal(s->size, 6);
}

static void equality_is_structural(void **state)
{
	(void)state;
	const Scalar *a = binary(SCALAR_ADD, scalar_param(arena, 0, 1), number(2));
	const Scalar *b = binary(SCALAR_ADD, scalar_param(arena, 0, 1), number(2));
	assert_true(scalar_equal(a, b));
	assert_false(scalar_equal(a, binary(SCALAR_ADD, scalar_param(arena, 1, 1), number(2))));
	assert_false(scalar_equal(a, binary(SCALAR_MUL, scalar_param(arena, 0, 1), number(2))));
	assert_false(scalar_equal(a, number(3))); /* equal values, different numbers for other params */
	assert_true(scalar_equal(number(0.1), number(0.1)));
	assert_false(scalar_equal(number(0.1), number(0.2)));
}

static void size_counts_shared_parts_each_time(void **state)
{
	(void)state;
	const Scalar *s = scalar_param(arena, 0, 1);
	for (int i = 0; i < 40; i++) /* 2^40 operations when written out */
		s = binary(SCALAR_ADD, s, s);
	assert_int_equal(s->size, UINT32_MAX);
}

static void texts(void **state)
{
	(void)state;
	const char *const names[] = {"w"};
	const Scalar *w = scalar_param(arena, 0, 2);
	assert_string_equal(scalar_text(arena, number(0.1), NULL), "0.1");
	assert_string_equal(scalar_text(arena, number(1.0 / 3), NULL), "0.3333333333333333");
	assert_string_equal(scalar_text(arena, w, NULL), "p0");
	assert_string_equal(scalar_text(arena, binary(SCALAR_POW, w, number(2)), names), "(w^2)");
	assert_string_equal(scalar_text(arena, scalar_op(arena, SCALAR_WHERE, w, number(1), number(2)), names),
			    "where(w, 1, 2)");
	assert_string_equal(scalar_text(arena, scalar_op(arena, SCALAR_NEG, w, NULL, NULL), names), "(-w)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constants_fold),
		cmocka_unit_test(where_with_a_constant_condition_is_its_branch),
		cmocka_unit_test(values_follow_params),
		cmocka_unit_test(equality_is_structural),
		cmocka_unit_test(size_counts_shared_parts_each_time),
		cmocka_unit_test(texts),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
