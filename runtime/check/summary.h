/* What `check` says about a net: a table, and an object of the JSON file. */
#ifndef ENTK_CHECK_SUMMARY_H
#define ENTK_CHECK_SUMMARY_H

#include "check/estimates.h"
#include "check/statistics.h"
#include "output/json.h"

enum { ENTK_CHECK_NNGP, ENTK_CHECK_NTK, ENTK_CHECK_KERNELS };

typedef struct EntkCheckNet {
	const EntkNet *net;
	char *refusal;      /* owned; why nothing was compared; NULL: it was */
	EntkStatus refused; /* what kind of reason that is */
	size_t samples, pairs;
	bool wanted[ENTK_CHECK_KERNELS];
	double *kernels[ENTK_CHECK_KERNELS]; /* owned; pairs */
	EntkCheckResult results[ENTK_CHECK_KERNELS];
} EntkCheckNet;

void entk_check_net_destroy(EntkCheckNet *net);
/* Nothing contradicts the kernels. */
bool entk_check_net_good(const EntkCheckNet *net);
/* The first contradiction, as one line; "" if there is none. */
const char *entk_check_contradiction(const EntkCheckNet *net, char *text, size_t size);
/* The relative error of a kernel that would most likely be found: some standard errors of the means. */
double entk_check_detectable(const EntkCheckNet *net);

void entk_check_print(const EntkCheckNet *net, const EntkCheckOptions *options, const char *data);
void entk_check_json(const EntkCheckNet *net, const EntkCheckOptions *options, EntkJson *json);

#endif
