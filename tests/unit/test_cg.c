/* The builder helpers: a module that uses each of them once, run here; layouts shared with C; CPUs; reproducible
 * output. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dlfcn.h>
#include <math.h>

#include <cmocka.h>

#include "emit/cg/cg.h"
#include "emit/emit.h"
#include "load_object.h"

typedef struct Module {
	Arena *arena;
	Cg *cg;
} Module;

static Module begin(const char *cpu, bool f32)
{
	char *error = NULL;
	Module m = {.arena = arena_create()};
	CgOptions options = {.cpu = cpu, .f32 = f32, .module_name = "helpers"};
	m.cg = cg_create(m.arena, &options, &error);
	assert_non_null(m.cg);
	return m;
}

static void end(Module *m)
{
	cg_destroy(m->cg);
	arena_destroy(m->arena);
}

static void *build(Module *m)
{
	char *error = NULL, path[4096];
	cg_optimize(m->cg);
	snprintf(path, sizeof path, "%s", temporary_path(".o"));
	if (!cg_write(m->cg, CG_FORM_OBJECT, path, &error))
		fail_msg("%s", error);
	return load_object(path);
}

/* Functions of two integers. */
typedef int64_t Binary(int64_t, int64_t);

static Binary *find_binary(void *library, const char *name)
{
	void *symbol = load_symbol(library, name);
	Binary *function;
	memcpy(&function, &symbol, sizeof function);
	return function;
}

static void begin_binary(Cg *cg, const char *name)
{
	LLVMTypeRef t_params[] = {cg->t_i64, cg->t_i64};
	cg_function_begin(cg, name, cg->t_i64, t_params, 2, false);
}

typedef LLVMValueRef Helper(Cg *, LLVMValueRef, LLVMValueRef);

static const struct {
	const char *name;
	Helper *helper;
} arithmetic[] =
	{
		{"iadd", cg_iadd},           {"isub", cg_isub},   {"imul", cg_imul},
		{"isdiv", cg_isdiv},         {"isrem", cg_isrem}, {"ifloordiv", cg_ifloordiv},
		{"ifloormod", cg_ifloormod}, {"imin", cg_imin},   {"imax", cg_imax},
},
  comparison[] = {
	  {"ieq", cg_ieq}, {"ine", cg_ine}, {"ilt", cg_ilt}, {"ile", cg_ile}, {"igt", cg_igt}, {"ige", cg_ige},
};

static int64_t expected(const char *name, int64_t a, int64_t b)
{
	int64_t floor_quotient = a / b - (a % b < 0);
	const struct {
		const char *name;
		int64_t value;
	} all[] = {{"iadd", a + b},
		   {"isub", a - b},
		   {"imul", a * b},
		   {"isdiv", a / b},
		   {"isrem", a % b},
		   {"ifloordiv", floor_quotient},
		   {"ifloormod", a - floor_quotient * b},
		   {"imin", a < b ? a : b},
		   {"imax", a > b ? a : b},
		   {"ieq", a == b},
		   {"ine", a != b},
		   {"ilt", a < b},
		   {"ile", a <= b},
		   {"igt", a > b},
		   {"ige", a >= b}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (strcmp(all[i].name, name) == 0)
			return all[i].value;
	}
	fail_msg("no expectation for %s", name);
	return 0;
}

static void test_integers(void **state)
{
	(void)state;
	Module m = begin(NULL, false);
	Cg *cg = m.cg;
	for (size_t i = 0; i < sizeof arithmetic / sizeof *arithmetic; i++) {
		begin_binary(cg, arithmetic[i].name);
		cg_return(cg, arithmetic[i].helper(cg, cg_param(cg, 0), cg_param(cg, 1)));
		cg_function_end(cg);
	}
	for (size_t i = 0; i < sizeof comparison / sizeof *comparison; i++) {
		begin_binary(cg, comparison[i].name);
		LLVMValueRef v = comparison[i].helper(cg, cg_param(cg, 0), cg_param(cg, 1));
		/* not(v) or (v and true), spelled out: 1 if v, else 0 */
		LLVMValueRef v_same = cg_or(cg, cg_and(cg, v, cg_i1(cg, true)), cg_and(cg, cg_not(cg, v), v));
		cg_return(cg, cg_izext_i64(cg, v_same));
		cg_function_end(cg);
	}
	void *library = build(&m);
	for (int64_t a = -7; a <= 7; a++) {
		for (int64_t b = 1; b <= 4; b++) {
			for (size_t i = 0; i < sizeof arithmetic / sizeof *arithmetic; i++)
				assert_int_equal(find_binary(library, arithmetic[i].name)(a, b),
						 expected(arithmetic[i].name, a, b));
			for (size_t i = 0; i < sizeof comparison / sizeof *comparison; i++)
				assert_int_equal(find_binary(library, comparison[i].name)(a, b),
						 expected(comparison[i].name, a, b));
		}
	}
	dlclose(library);
	end(&m);
}

/* sum over i = a, a + 3, .. < b of (i odd ? 10 i : -1), then over j = b - 1 down to a of the last j's digits */
static void emit_control(Cg *cg, unsigned unroll)
{
	begin_binary(cg, "inner");
	LLVMSetLinkage(cg->function, LLVMInternalLinkage);
	CgIf odd = cg_if(cg, cg_ieq(cg, cg_ifloormod(cg, cg_param(cg, 0), cg_i64(cg, 2)), cg_i64(cg, 1)), "odd");
	cg_return(cg, cg_imul(cg, cg_param(cg, 0), cg_param(cg, 1)));
	cg_endif(cg, &odd);
	cg_return(cg, cg_i64(cg, -1));
	LLVMValueRef inner = cg->function;
	cg_function_end(cg);

	begin_binary(cg, "control");
	LLVMValueRef var = cg_var(cg, cg->t_i64, "sum"), down = cg_var(cg, cg->t_i64, "down");
	cg_set(cg, var, cg_i64(cg, 0));
	cg_set(cg, down, cg_i64(cg, 0));
	CgLoop up = cg_loop_begin(cg, cg_param(cg, 0), cg_param(cg, 1), 3, "up");
	LLVMValueRef args[] = {up.v_i, cg_i64(cg, 10)};
	cg_set(cg, var, cg_iadd(cg, cg_get(cg, var), cg_call(cg, inner, args, 2)));
	cg_loop_unroll(&up, unroll);
	cg_loop_end(cg, &up);
	CgLoop back = cg_loop_down_begin(cg, cg_param(cg, 0), cg_param(cg, 1), "back");
	CgIf last = cg_if(cg, cg_ieq(cg, back.v_i, cg_param(cg, 0)), "last");
	cg_set(cg, down, cg_iadd(cg, cg_get(cg, down), cg_i64(cg, 1000)));
	cg_else(cg, &last);
	cg_set(cg, down, cg_iadd(cg, cg_imul(cg, cg_get(cg, down), cg_i64(cg, 2)), back.v_i));
	cg_endif(cg, &last);
	cg_loop_end(cg, &back);
	cg_return(cg, cg_iadd(cg, cg_get(cg, var), cg_get(cg, down)));
	cg_function_end(cg);
}

static void test_control(void **state)
{
	(void)state;
	for (unsigned unroll = 0; unroll <= 4; unroll += 2) {
		Module m = begin(NULL, false);
		emit_control(m.cg, unroll);
		void *library = build(&m);
		for (int64_t a = -5; a <= 5; a++) {
			for (int64_t b = -6; b <= 12; b++) {
				int64_t want = 0, down = 0;
				for (int64_t i = a; i < b; i += 3)
					want += i % 2 != 0 ? 10 * i : -1;
				for (int64_t i = b - 1; i >= a; i--)
					down = i == a ? down + 1000 : 2 * down + i;
				assert_int_equal(find_binary(library, "control")(a, b), want + down);
			}
		}
		dlclose(library);
		end(&m);
	}
}

/* ---- memory and lanes ---- */

typedef struct Record {
	int32_t small;
	double number;
	const char *text;
	const int32_t *table;
	uint32_t shape[3];
} Record;

typedef struct Work {
	double scale;
	void *in, *out; /* real, `count` vectors */
	const int32_t *order;
	int64_t count;
	double *sums; /* double lanes */
	double *math;
} Work;

/* out[i] = scale * in[order[i]] with lanes 0 and 1 exchanged; sums = sum in double of |in| over all vectors */
static void emit_lanes(Cg *cg)
{
	cg_function_begin(cg, "lanes", cg->t_void, &cg->t_ptr, 1, false);
	cg_param_pointer(cg, 0, CG_NOALIAS | CG_READONLY | CG_NOCAPTURE, 8);
	LLVMValueRef v_work = cg_param(cg, 0);
	LLVMValueRef v_scale = cg_load_field(cg, v_work, offsetof(Work, scale), cg->t_f64);
	LLVMValueRef v_in = cg_load_field(cg, v_work, offsetof(Work, in), cg->t_ptr);
	LLVMValueRef v_out = cg_load_field(cg, v_work, offsetof(Work, out), cg->t_ptr);
	LLVMValueRef v_order = cg_load_field(cg, v_work, offsetof(Work, order), cg->t_ptr);
	LLVMValueRef v_sums = cg_load_field(cg, v_work, offsetof(Work, sums), cg->t_ptr);
	LLVMValueRef v_math = cg_load_field(cg, v_work, offsetof(Work, math), cg->t_ptr);
	LLVMValueRef v_count = cg_load_field(cg, v_work, offsetof(Work, count), cg->t_i64);
	LLVMValueRef var = cg_var(cg, cg->t_lane_f64, "sum");
	cg_set(cg, var, cg_lane_f64_const(cg, 0));
	CgLoop loop = cg_loop_begin(cg, cg_i64(cg, 0), v_count, 1, "i");
	LLVMValueRef v_from = cg_load_i32_as_i64(cg, v_order, loop.v_i);
	LLVMValueRef v = cg_load_lane(cg, v_in, v_from);
	cg_set_alias(cg, v, 0, 2);
	LLVMValueRef v_scaled = cg_f64_to_lane(cg, cg_fmul(cg, cg_splat(cg, v_scale), cg_lane_to_f64(cg, v)));
	LLVMValueRef v_first = cg_extract(cg, v_scaled, 0), v_second = cg_extract(cg, v_scaled, 1);
	v_scaled = cg_insert(cg, cg_insert(cg, v_scaled, v_second, 0), v_first, 1);
	cg_set_alias(cg, cg_store_lane(cg, v_out, loop.v_i, v_scaled), 1, 1);
	cg_set(cg, var, cg_fadd(cg, cg_get(cg, var), cg_lane_to_f64(cg, cg_fabs(cg, v))));
	cg_loop_end(cg, &loop);
	cg_store_lane_f64(cg, v_sums, cg_i64(cg, 0), cg_get(cg, var));

	static const char *const names[] = {"sqrt", "exp",  "log",  "sin",  "cos", "tan",
					    "tanh", "sinh", "cosh", "atan", "erf"};
	for (int i = 0; i < 11; i++)
		cg_store(cg, v_math, cg_i64(cg, i), cg_math(cg, names[i], &v_scale, 1));
	LLVMValueRef args[] = {v_scale, cg_f64_const(cg, 2.5)};
	cg_store(cg, v_math, cg_i64(cg, 11), cg_math(cg, "pow", args, 2));
	cg_function_end(cg);
}

/* aligned_alloc wants whole multiples of the alignment. */
static void *vectors(size_t bytes)
{
	return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void check_lanes(bool f32)
{
	enum { COUNT = 5 };
	Module m = begin(NULL, f32);
	emit_lanes(m.cg);
	size_t lanes = m.cg->lanes;
	void *library = build(&m), *symbol = load_symbol(library, "lanes");
	void (*function)(const Work *);
	memcpy(&function, &symbol, sizeof function);
	int32_t order[COUNT] = {4, 2, 0, 3, 1};
	double math[12];
	Work work = {.scale = 0.75, .order = order, .count = COUNT, .math = math};
	size_t n = COUNT * lanes;
	work.in = vectors(n * 8);
	work.out = vectors(n * 8);
	work.sums = vectors(lanes * 8);
	assert_true(work.in != NULL && work.out != NULL && work.sums != NULL);
	for (size_t i = 0; i < n; i++) {
		double x = (i % 2 != 0 ? 1 : -1) * (double)i / 8;
		if (f32)
			((float *)work.in)[i] = (float)x;
		else
			((double *)work.in)[i] = x;
	}
	function(&work);
	for (size_t i = 0; i < n; i++) {
		size_t lane = i % lanes, from = (size_t)order[i / lanes] * lanes + (lane < 2 ? 1 - lane : lane);
		double want = 0.75 * (from % 2 != 0 ? 1 : -1) * (double)from / 8;
		assert_true((f32 ? (double)((float *)work.out)[i] : ((double *)work.out)[i]) == want);
	}
	for (size_t lane = 0; lane < lanes; lane++) {
		double want = 0;
		for (size_t i = 0; i < COUNT; i++)
			want += (double)(i * lanes + lane) / 8;
		assert_true(work.sums[lane] == want);
	}
	double x = 0.75;
	double want[] = {sqrt(x), exp(x),  log(x),  sin(x),  cos(x), tan(x),
			 tanh(x), sinh(x), cosh(x), atan(x), erf(x), pow(x, 2.5)};
	for (size_t i = 0; i < 12; i++)
		assert_true(fabs(math[i] - want[i]) <= 1e-15 * fabs(want[i]));
	free(work.in);
	free(work.out);
	free(work.sums);
	dlclose(library);
	end(&m);
}

static void test_lanes(void **state)
{
	(void)state;
	check_lanes(false);
	check_lanes(true);
}

/* f(a, b, c) of two joined vectors, half by half the same as of single ones */
static void test_join(void **state)
{
	(void)state;
	Module m = begin(NULL, true);
	Cg *cg = m.cg;
	LLVMTypeRef t_params[] = {cg->t_ptr, cg->t_ptr};
	cg_function_begin(cg, "join", cg->t_void, t_params, 2, false);
	LLVMValueRef v_low = cg_load_lane(cg, cg_param(cg, 0), cg_i64(cg, 0));
	LLVMValueRef v_high = cg_load_lane_unaligned(cg, cg_param(cg, 0), cg_i64(cg, (int64_t)cg->lanes));
	LLVMValueRef v = cg_join(cg, v_low, v_high);
	LLVMValueRef v_root = cg_sqrt(cg, cg_fmax(cg, v, cg_const_like(cg, v, 4)));
	LLVMValueRef v_some = cg_select(cg, cg_flt(cg, v, cg_const_like(cg, v, 9)), cg_fneg(cg, v_root), v_root);
	cg_store_lane(cg, cg_param(cg, 1), cg_i64(cg, 0), cg_half(cg, v_some, false));
	cg_store_lane_unaligned(cg, cg_param(cg, 1), cg_i64(cg, (int64_t)cg->lanes), cg_half(cg, v_some, true));
	cg_function_end(cg);
	void *library = build(&m), *symbol = load_symbol(library, "join");
	void (*function)(const float *, float *);
	memcpy(&function, &symbol, sizeof function);
	_Alignas(64) float in[64], out[64];
	for (size_t i = 0; i < 64; i++)
		in[i] = (float)i;
	function(in, out);
	for (size_t i = 0; i < 2 * cg->lanes; i++) {
		float root = sqrtf(i < 4 ? 4 : (float)i);
		assert_true(out[i] == (i < 9 ? -root : root));
	}
	dlclose(library);
	end(&m);
}

static void test_constants(void **state)
{
	(void)state;
	Module m = begin(NULL, false);
	Cg *cg = m.cg;
	static const int32_t table[] = {3, -1, 4};
	LLVMValueRef shape[] = {cg_i32(cg, 5), cg_i32(cg, 6), cg_i32(cg, 7)};
	LLVMValueRef fields[] = {cg_i32(cg, -2), cg_f64_const(cg, 0.1), cg_global_string(cg, "net \"a\""),
				 cg_global_i32_array(cg, "table", table, 3), cg_const_array(cg, cg->t_i32, shape, 3)};
	LLVMValueRef record = cg_const_struct(cg, fields, 5);
	assert_int_equal(cg_sizeof(cg, LLVMTypeOf(record)), sizeof(Record));
	cg_global_const(cg, "record", record, true);
	void *library = build(&m);
	const Record *got = load_symbol(library, "record");
	assert_int_equal(got->small, -2);
	assert_true(got->number == 0.1);
	assert_string_equal(got->text, "net \"a\"");
	assert_memory_equal(got->table, table, sizeof table);
	assert_int_equal(got->shape[0] * 100 + got->shape[1] * 10 + got->shape[2], 567);
	dlclose(library);
	end(&m);
}

/* ---- CPUs and output ---- */

static void test_cpus(void **state)
{
	(void)state;
	assert_true(emit_cpu_known("x86-64-v3") && emit_cpu_known("znver4") && emit_cpu_known("generic-aarch64"));
	assert_false(emit_cpu_known("") || emit_cpu_known("x86-64-v9") || emit_cpu_known("znver4 znver5") ||
		     emit_cpu_known("v3"));
	static const struct {
		const char *cpu;
		unsigned lanes_f32;
		bool fma;
		const char *feature;
	} rows[] = {{"x86-64", 4, false, "sse2"},        {"x86-64-v2", 4, false, "sse4_2"},
		    {"ivybridge", 8, false, "avx"},      {"haswell", 8, true, "fma"},
		    {"x86-64-v4", 16, true, "avx512vl"}, {"generic-aarch64", 4, true, "asimd"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int f32 = 0; f32 < 2; f32++) {
			Module m = begin(rows[i].cpu, f32);
			assert_int_equal(m.cg->lanes, f32 ? rows[i].lanes_f32 : rows[i].lanes_f32 / 2);
			assert_int_equal(m.cg->target.has_fma, rows[i].fma);
			assert_non_null(strstr(m.cg->target.proc_features, rows[i].feature));
			end(&m);
		}
	}
	Arena *arena = arena_create();
	char *error = NULL;
	CgOptions options = {.cpu = "i386", .module_name = "x"};
	assert_null(cg_create(arena, &options, &error));
	assert_string_equal(error, "unknown CPU \"i386\"");
	arena_destroy(arena);
}

static char *text_of(const char *cpu, CgForm form)
{
	Module m = begin(cpu, true);
	emit_lanes(m.cg);
	cg_optimize(m.cg);
	char *error = NULL, path[4096];
	snprintf(path, sizeof path, "%s", temporary_path(".txt"));
	if (!cg_write(m.cg, form, path, &error))
		fail_msg("%s", error);
	FILE *in = fopen(path, "rb");
	assert_non_null(in);
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	size_t size = fread(text, 1, (1 << 20) - 1, in);
	assert_true(size > 0 && size < (1 << 20) - 1);
	fclose(in);
	remove(path);
	end(&m);
	return text;
}

static void test_output(void **state)
{
	(void)state;
	for (CgForm form = CG_FORM_IR; form <= CG_FORM_ASM; form++) {
		char *first = text_of("x86-64-v4", form), *second = text_of("x86-64-v4", form);
		assert_string_equal(first, second);
		assert_non_null(strstr(first, form == CG_FORM_ASM ? "%zmm" : "<16 x float>"));
		free(first);
		free(second);
	}
	char *narrow = text_of("skylake-avx512", CG_FORM_ASM); /* LLVM's own preference would be half registers */
	assert_non_null(strstr(narrow, "%zmm"));
	free(narrow);
	char *arm = text_of("generic-aarch64", CG_FORM_ASM);
	assert_non_null(strstr(arm, ".4s"));
	free(arm);

	Module m = begin(NULL, false);
	char *error = NULL;
	assert_false(cg_write(m.cg, CG_FORM_IR, "/nonexistent/a.ll", &error));
	assert_string_equal(error, "cannot write \"/nonexistent/a.ll\": No such file or directory");
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers), cmocka_unit_test(test_control),   cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_join),     cmocka_unit_test(test_constants), cmocka_unit_test(test_cpus),
		cmocka_unit_test(test_output),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
