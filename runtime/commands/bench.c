/* `bench`: time per pair on random samples from a fixed seed, with one thread and with several. */
#include "commands/commands.h"

#include "cli/common.h"
#include "numerics/blas.h"
#include "numerics/linalg.h"
#include "output/target.h"
#include "output/text.h"
#include "support/cpu.h"

#include <cblas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 1, SAMPLES, KERNEL, REPEATS, JSON };

static const EntkOption options[] = {
	{PAIRS, "pairs", 0, "N", "pairs per thread and repeat (default: about half a second of them)"},
	{SAMPLES, "samples", 0, "N", "the Gram of N samples with themselves (one triangle) instead"},
	{KERNEL, "kernel", 0, "NAME", "nngp, or both kernels (default)"},
	{REPEATS, "repeats", 0, "N", "repeats, of which the median counts (default: 3)"},
	{JSON, "json", 0, NULL, "a list of objects on stdout"},
	ENTK_COMMON_OPTIONS,
	{0},
};

#define MAX_REPEATS        99
#define DEFAULT_SECONDS    0.5
/* Their kernels take 64 MB: quick kernels need no more to be timed. */
#define DEFAULT_MOST_PAIRS 4000000
#define SEED               20240607

typedef struct BenchCommand {
	EntkCommon common;
	EntkGramOptions gram;
	uint64_t pairs, samples; /* 0: not given */
	uint64_t repeats;
	bool with_ntk, json;
	EntkText text;
	bool first; /* nothing is in the list yet */
} BenchCommand;

/* One measurement. */
typedef struct Result {
	const EntkNet *net;
	unsigned threads;
	double pairs, seconds; /* median, without the next one's part */
	double prepare;        /* seconds per sample for what is done once per sample, median */
	double product;        /* seconds of the whole matrix product X X^T by the BLAS; NaN where it is not part */
} Result;

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof *values, compare);
	return values[count / 2];
}

/* What is done once per sample is timed apart: in these small matrices its share is far from that of a real one. */
static EntkStatus time_gram(BenchCommand *command, const EntkNet *net, const EntkSamples *x, const EntkSamples *z,
			    unsigned threads, Result *result, EntkError *error)
{
	double seconds[MAX_REPEATS], prepare[MAX_REPEATS];
	const size_t samples = x->count + (z ? z->count : 0);
	size_t count = x->count * (z ? z->count : x->count);
	EntkGramOptions gram = command->gram;
	gram.threads = threads;
	double *nngp = entk_allocate(count, sizeof *nngp, "the kernels", error);
	double *ntk = command->with_ntk && nngp ? entk_allocate(count, sizeof *ntk, "the kernels", error) : NULL;
	EntkStatus status = !nngp || (command->with_ntk && !ntk) ? error->status : ENTK_OK;
	for (uint64_t i = 0; i < command->repeats && status == ENTK_OK; i++) {
		double start = entk_now();
		gram.prepare_seconds = &prepare[i];
		status = entk_gram(command->common.program, net, x, z, &gram, nngp, ntk, error);
		seconds[i] = entk_now() - start - prepare[i];
	}
	free(nngp);
	free(ntk);
	if (status != ENTK_OK)
		return status;
	result->seconds = median(seconds, (size_t)command->repeats);
	result->prepare = median(prepare, (size_t)command->repeats) * threads / (double)samples;
	return ENTK_OK;
}

/* The matrix product that a kernel of vectors contains, in full and by the BLAS on one thread: the yardstick. */
static EntkStatus time_product(const BenchCommand *command, const EntkSamples *x, double *seconds, EntkError *error)
{
	size_t n = x->count, bytes = n * n * (x->precision / 8);
	double times[MAX_REPEATS];
	const int rows = (int)n, depth = (int)x->size;
	void *out = entk_allocate_aligned(bytes, 1, "the matrix product", error);
	if (!out)
		return error->status;
	if (entk_linalg_threads(1, error) != ENTK_OK) {
		free(out);
		return error->status;
	}
	for (uint64_t i = 0; i < command->repeats; i++) {
		double start = entk_now();
		if (x->precision == 32)
			cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, rows, depth, 1.0F / (float)x->size,
				    x->values, depth, x->values, depth, 0, out, rows);
		else
			cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, rows, depth, 1.0 / (double)x->size,
				    x->values, depth, x->values, depth, 0, out, rows);
		times[i] = entk_now() - start;
	}
	free(out);
	*seconds = median(times, (size_t)command->repeats);
	return ENTK_OK;
}

/* ---- output ---------------------------------------------------------------------------------------------------- */

static void report_json(BenchCommand *command, const Result *r)
{
	const EntkProgram *program = command->common.program;
	EntkText *text = &command->text;
	entk_text_add(text, command->first ? "[{\"net\": " : ",\n {\"net\": ");
	entk_text_add_json_string(text, r->net->name);
	entk_text_add(text,
		      ", \"precision\": %u, \"kernels\": \"%s\", \"lanes\": %u, \"vector_bits\": %u, \"threads\": %u, "
		      "\"pairs\": %.0f",
		      program->precision, command->with_ntk ? "both" : "nngp", r->net->lanes, program->vector_bits,
		      r->threads, r->pairs);
	entk_text_add(text, ", \"seconds\": ");
	entk_text_add_json_number(text, r->seconds);
	entk_text_add(text, ", \"seconds_per_pair\": ");
	entk_text_add_json_number(text, r->seconds / r->pairs);
	entk_text_add(text, ", \"prepare_seconds_per_sample\": ");
	entk_text_add_json_number(text, r->prepare);
	entk_text_add(text, ", \"steps_per_pair\": ");
	entk_text_add_json_number(text, r->net->steps_per_pair);
	entk_text_add(text, ", \"ns_per_step\": ");
	entk_text_add_json_number(text, r->net->steps_per_pair > 0
						? 1e9 * r->seconds * r->threads / r->pairs / r->net->steps_per_pair
						: NAN);
	entk_text_add(text, ", \"gemm_seconds\": ");
	entk_text_add_json_number(text, r->product);
	entk_text_add(text, ", \"gemm_kernels\": ");
	entk_text_add_json_string(text, entk_blas_kernels());
	entk_text_add(text, "}");
	command->first = false;
}

static void report_text(BenchCommand *command, const Result *r)
{
	char each[32], total[32], product[32], prepare[32];
	if (command->first)
		printf("%-16s %7s %10s %12s %12s %12s %12s %12s\n", "net", "threads", "pairs", "time", "time/pair",
		       "pairs/s", "once/sample", "ns/step/thr");
	command->first = false;
	printf("%-16s %7u %10.0f %12s %12s %12.4g %12s", r->net->name, r->threads, r->pairs,
	       entk_duration_text(r->seconds, total, sizeof total),
	       entk_duration_text(r->seconds / r->pairs, each, sizeof each), r->pairs / r->seconds,
	       entk_duration_text(r->prepare, prepare, sizeof prepare));
	if (r->net->steps_per_pair > 0)
		printf(" %12.4f", 1e9 * r->seconds * r->threads / r->pairs / r->net->steps_per_pair);
	if (isfinite(r->product))
		printf("  the full product X X^T by OpenBLAS (%s), one thread: %s", entk_blas_kernels(),
		       entk_duration_text(r->product, product, sizeof product));
	printf("\n");
	fflush(stdout);
}

/* ---- command --------------------------------------------------------------------------------------------------- */

/* Whole lane groups to the right, as many rows as it takes. */
static EntkStatus bench_pairs(BenchCommand *command, const EntkNet *net, unsigned threads, Result *result,
			      EntkError *error)
{
	const uint32_t precision = command->common.program->precision;
	EntkSamples x = {0}, z = {0};
	uint64_t pairs = command->pairs;
	double seconds = 0;
	*result = (Result){.net = net, .threads = threads, .product = NAN};
	EntkStatus status = entk_samples_random(net, precision, net->tile_right, SEED, &z, error);
	if (status == ENTK_OK && pairs == 0) {
		status = entk_gram_calibrate(command->common.program, net, &z, &command->gram, command->with_ntk,
					     &seconds, error);
		double wanted = DEFAULT_SECONDS / seconds + 1;
		pairs = wanted < DEFAULT_MOST_PAIRS ? (uint64_t)wanted : DEFAULT_MOST_PAIRS;
	}
	if (status == ENTK_OK) {
		/* Fewer pairs than a tile's row: whole lane groups of one row. */
		uint64_t columns =
			pairs < net->tile_right ? (pairs + net->lanes - 1) / net->lanes * net->lanes : net->tile_right;
		uint64_t rows = (pairs * threads + columns - 1) / columns;
		z.count = (size_t)columns;
		status = entk_samples_random(net, precision, (size_t)rows, SEED + 1, &x, error);
		result->pairs = (double)rows * (double)columns;
		if (status == ENTK_OK)
			status = time_gram(command, net, &x, &z, threads, result, error);
	}
	entk_samples_destroy(&x);
	entk_samples_destroy(&z);
	return status;
}

static EntkStatus bench_samples(BenchCommand *command, const EntkNet *net, unsigned threads, Result *result,
				EntkError *error)
{
	EntkSamples x;
	double n = (double)command->samples;
	*result = (Result){.net = net, .threads = threads, .pairs = n * (n + 1) / 2, .product = NAN};
	EntkStatus status =
		entk_samples_random(net, command->common.program->precision, (size_t)command->samples, SEED, &x, error);
	if (status == ENTK_OK)
		status = time_gram(command, net, &x, NULL, threads, result, error);
	if (status == ENTK_OK && net->dim == 0)
		status = time_product(command, &x, &result->product, error);
	entk_samples_destroy(&x);
	return status;
}

static EntkStatus bench_net(BenchCommand *command, const EntkNet *net, EntkError *error)
{
	unsigned most = entk_thread_count(command->gram.threads);
	EntkStatus status = ENTK_OK;
	for (unsigned threads = 1; status == ENTK_OK && threads <= most; threads += most > 1 ? most - 1 : 1) {
		Result result;
		status = command->samples ? bench_samples(command, net, threads, &result, error)
					  : bench_pairs(command, net, threads, &result, error);
		if (status != ENTK_OK)
			break;
		if (command->json)
			report_json(command, &result);
		else
			report_text(command, &result);
	}
	return status;
}

static EntkStatus run(BenchCommand *command, EntkError *error)
{
	const EntkProgram *program = command->common.program;
	const EntkNet *net;
	char cpu[128];
	EntkStatus status = ENTK_OK;
	command->first = true;
	if (!command->json)
		printf("%s: float%u, %u-bit vectors, compiled for %s, on %s; %s\n", program->source, program->precision,
		       program->vector_bits, program->cpu, entk_cpu_name(cpu, sizeof cpu),
		       command->with_ntk ? "NNGP and NTK" : "NNGP alone");
	for (size_t i = 0; status == ENTK_OK && (net = entk_common_net(&command->common, i)) != NULL; i++)
		status = bench_net(command, net, error);
	if (status != ENTK_OK || !command->json)
		return status;
	entk_text_add(&command->text, "]\n");
	if (command->text.failed)
		return entk_fail_memory(error, "the JSON text", command->text.size);
	return entk_write_text("-", command->text.bytes, command->text.size, error);
}

static EntkStatus parse(BenchCommand *command, EntkArgs *args, EntkError *error)
{
	EntkStatus status = ENTK_OK;
	for (int id; status == ENTK_OK && (id = entk_args_next(args, error)) != ENTK_ARG_END;) {
		switch (id) {
		case ENTK_ARG_ERROR:
			return error->status;
		case ENTK_ARG_POSITIONAL:
			return entk_fail(error, ENTK_USAGE, args->value, "bench takes no arguments");
		case PAIRS:
			status = entk_parse_count("--pairs", args->value, 1, 1000000000, &command->pairs, error);
			break;
		case SAMPLES:
			status = entk_parse_count("--samples", args->value, 1, 1000000, &command->samples, error);
			break;
		case REPEATS:
			status = entk_parse_count("--repeats", args->value, 1, MAX_REPEATS, &command->repeats, error);
			break;
		case KERNEL:
			command->with_ntk = strcmp(args->value, "both") == 0;
			if (!command->with_ntk && strcmp(args->value, "nngp") != 0)
				status = entk_fail(error, ENTK_USAGE, "--kernel", "expected nngp or both, got \"%s\"",
						   args->value);
			break;
		case JSON:
			command->json = true;
			break;
		default:
			status = entk_common_take(&command->common, id, args->value, error);
		}
	}
	if (status == ENTK_OK && command->pairs && command->samples) {
		entk_fail(error, ENTK_USAGE, "--pairs", "not beside --samples, which says how many pairs there are");
		return entk_fix(error, "give one of them");
	}
	return status;
}

int entk_command_bench(const EntkProgram *program, int argc, char **argv)
{
	EntkArgs args = entk_args_begin("bench [options]", NULL, options, argc, argv);
	BenchCommand command = {.with_ntk = true, .repeats = 3};
	EntkError error;
	EntkStatus status = entk_common_create(program, &command.common, &error);
	if (status == ENTK_OK)
		status = parse(&command, &args, &error);
	if (status == ENTK_OK)
		status = entk_common_check(&command.common, &error);
	if (status == ENTK_OK && !command.common.help) {
		command.gram = entk_common_gram_options(&command.common);
		command.gram.progress = NULL;
		status = run(&command, &error);
	}
	bool help = command.common.help;
	entk_text_destroy(&command.text);
	entk_common_destroy(&command.common);
	if (status != ENTK_OK)
		return entk_error_print(argv[0], &error);
	return help ? entk_args_help(&args) : 0;
}
