#include "check/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kernel_names[] = {"nngp", "ntk"};

void entk_check_net_destroy(EntkCheckNet *net)
{
	for (int k = 0; k < ENTK_CHECK_KERNELS; k++) {
		free(net->kernels[k]);
		entk_check_result_destroy(&net->results[k]);
	}
	free(net->refusal);
	memset(net, 0, sizeof *net);
}

bool entk_check_net_good(const EntkCheckNet *net)
{
	char text[256];
	return !entk_check_contradiction(net, text, sizeof text)[0];
}

const char *entk_check_contradiction(const EntkCheckNet *net, char *text, size_t size)
{
	size_t i, j;
	text[0] = '\0';
	for (int k = 0; k < ENTK_CHECK_KERNELS && !text[0] && !net->refusal; k++) {
		const EntkCheckResult *r = &net->results[k];
		if (!net->wanted[k])
			continue;
		entk_check_pair(net->samples, r->largest_pair, &i, &j);
		if (!entk_check_means_good(r))
			snprintf(text, size,
				 "%s of samples %zu and %zu: the mean of finite networks is %.3g standard errors off "
				 "(p = %.1g)",
				 kernel_names[k], i, j, r->largest_z, r->p);
		else if (!entk_check_slope_good(r))
			snprintf(text, size, "%s: the error falls with slope %.3f +- %.3f in the width, expected -1/2",
				 kernel_names[k], r->slope, r->slope_error);
	}
	return text;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void print_kernel(const EntkCheckNet *net, int k, const EntkCheckOptions *options)
{
	const EntkCheckResult *r = &net->results[k];
	printf("  %-5s   width  one network     mean of %-6zu +-          largest |z|\n", kernel_names[k],
	       options->nets);
	for (size_t w = 0; w < options->width_count; w++) {
		const EntkCheckWidth *row = &r->widths[w];
		printf("        %7u  %9.3g %%    %9.3g %%  %9.3g %%  %9.2f\n", options->widths[w], 100 * row->single,
		       100 * row->mean, 100 * row->standard, row->largest);
	}
	printf("       infinite                 %9.3g %%  %9.3g %%  %9.2f   p = %.2g\n", 100 * r->mean,
	       100 * r->standard_mean, r->largest_z, r->p);
	if (r->has_slope)
		printf("          slope  %9.3f +- %.3f (expected -1/2)\n", r->slope, r->slope_error);
	else
		printf("          slope  none: the errors are rounding\n");
}

double entk_check_detectable(const EntkCheckNet *net)
{
	/* The largest of a few |z| beyond which p is below the level is near 4; one more for the error of the mean itself. */
	enum { STANDARD_ERRORS = 5 };
	double standard = 0;
	for (int k = 0; k < ENTK_CHECK_KERNELS; k++)
		if (net->wanted[k])
			standard = fmax(standard, net->results[k].standard_mean);
	return STANDARD_ERRORS * standard;
}

/* What the verdict means, and what it is worth. */
static void print_verdict(const EntkCheckNet *net, const EntkCheckOptions *options)
{
	char text[256];
	double p = 1;
	for (int k = 0; k < ENTK_CHECK_KERNELS; k++)
		if (net->wanted[k])
			p = fmin(p, net->results[k].p);
	entk_check_contradiction(net, text, sizeof text);
	if (text[0])
		printf("  INCONSISTENT: %s\n", text);
	else
		printf("  consistent: the means differ from the kernel by no more than chance (p = %.2g,\n"
		       "    below %g would contradict it), and errors fall with the width as they must\n",
		       p, ENTK_CHECK_LEVEL);
	const char *kernels = !net->wanted[ENTK_CHECK_NTK]    ? "NNGP"
			      : !net->wanted[ENTK_CHECK_NNGP] ? "NTK"
							      : "NNGP and NTK";
	double found = 100 * entk_check_detectable(net);
	printf("  tested: %s of %zu pair%s; a right kernel is refused once in %.0f checks at most,\n"
	       "    one that is wrong by %.2g %% most likely found (by %.2g %% with --nets=%zu)\n",
	       kernels, net->pairs, net->pairs == 1 ? "" : "s", 1 / ENTK_CHECK_LEVEL, found, found / 2,
	       4 * options->nets);
}

void entk_check_print(const EntkCheckNet *net, const EntkCheckOptions *options, const char *data)
{
	if (net->refusal) {
		printf("net %s: not checked: %s\n", net->net->name, net->refusal);
		return;
	}
	printf("net %s: %zu pairs of %zu %s, %zu networks of each width, seed %llu\n", net->net->name, net->pairs,
	       net->samples, data, options->nets, (unsigned long long)options->seed);
	for (int k = 0; k < ENTK_CHECK_KERNELS; k++)
		if (net->wanted[k])
			print_kernel(net, k, options);
	print_verdict(net, options);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void json_kernel(const EntkCheckNet *net, int k, const EntkCheckOptions *options, EntkJson *json)
{
	const EntkCheckResult *r = &net->results[k];
	entk_json_key(json, kernel_names[k]);
	entk_json_object(json);
	entk_json_key(json, "widths");
	entk_json_array(json);
	for (size_t w = 0; w < options->width_count; w++) {
		entk_json_object(json);
		entk_json_put_integer(json, "width", options->widths[w]);
		entk_json_put_number(json, "error", r->widths[w].single);
		entk_json_put_number(json, "mean_error", r->widths[w].mean);
		entk_json_put_number(json, "standard_error", r->widths[w].standard);
		entk_json_put_number(json, "largest_z", r->widths[w].largest);
		entk_json_close(json, '}');
	}
	entk_json_close(json, ']');
	entk_json_put_number(json, "slope", r->has_slope ? r->slope : NAN);
	entk_json_put_number(json, "slope_error", r->has_slope ? r->slope_error : NAN);
	entk_json_put_number(json, "mean_error", r->mean);
	entk_json_put_number(json, "standard_error", r->standard_mean);
	entk_json_put_number(json, "rms_z", r->rms_z);
	entk_json_put_number(json, "largest_z", r->largest_z);
	entk_json_put_number(json, "p", r->p);
	entk_json_put_numbers(json, "kernel", net->kernels[k], net->pairs);
	entk_json_put_numbers(json, "difference", r->difference, net->pairs);
	entk_json_put_numbers(json, "z", r->z, net->pairs);
	entk_json_close(json, '}');
}

void entk_check_json(const EntkCheckNet *net, const EntkCheckOptions *options, EntkJson *json)
{
	entk_json_object(json);
	entk_json_put_string(json, "net", net->net->name);
	if (net->refusal) {
		entk_json_put_string(json, "refusal", net->refusal);
	} else {
		entk_json_key(json, "consistent");
		entk_json_bool(json, entk_check_net_good(net));
		entk_json_put_number(json, "level", ENTK_CHECK_LEVEL);
		entk_json_put_number(json, "detectable", entk_check_detectable(net));
		entk_json_put_integer(json, "samples", (int64_t)net->samples);
		for (int k = 0; k < ENTK_CHECK_KERNELS; k++)
			if (net->wanted[k])
				json_kernel(net, k, options, json);
	}
	entk_json_close(json, '}');
}
