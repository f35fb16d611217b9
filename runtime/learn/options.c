/* Options of learning: see options.h. */
#include "learn/options.h"

#include "cli/args.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

EntkLearn entk_learn_defaults(void)
{
	return (EntkLearn){.ntk = true, .rule = ENTK_RIDGE_FIXED, .ridge = 1e-4, .time = INFINITY, .learning_rate = 1};
}

bool entk_learn_has(int id)
{
	return id >= ENTK_LEARN_KERNEL && id <= ENTK_LEARN_LOO;
}

static EntkStatus take_loo(EntkLearn *learn, const char *value, EntkError *error)
{
	static const char *const words[] = {"auto", "always", "never"};
	for (int i = 0; i < 3; i++)
		if (strcmp(value, words[i]) == 0) {
			learn->loo = (EntkLoo)i;
			return ENTK_OK;
		}
	return entk_fail(error, ENTK_USAGE, "--loo", "expected auto, always or never, got \"%s\"", value);
}

EntkStatus entk_learn_take(EntkLearn *learn, int id, const char *value, EntkError *error)
{
	switch (id) {
	case ENTK_LEARN_KERNEL:
		learn->ntk = strcmp(value, "ntk") == 0;
		if (!learn->ntk && strcmp(value, "nngp") != 0)
			return entk_fail(error, ENTK_USAGE, "--kernel", "expected ntk or nngp, got \"%s\"", value);
		return ENTK_OK;
	case ENTK_LEARN_RIDGE:
		learn->ridge_given = true;
		return entk_ridge_parse("--ridge", value, &learn->rule, &learn->ridge, error);
	case ENTK_LEARN_RATE:
		learn->rate_given = true;
		return entk_parse_real("--learning-rate", value, 1e-300, 1e300, &learn->learning_rate, error);
	case ENTK_LEARN_LOO:
		return take_loo(learn, value, error);
	case ENTK_LEARN_STORE:
		learn->store = value;
		return ENTK_OK;
	default:
		learn->time = INFINITY;
		return strcmp(value, "inf") == 0 ? ENTK_OK
						 : entk_parse_real("--time", value, 0, 1e300, &learn->time, error);
	}
}

const char *entk_learn_kernel(const EntkLearn *learn)
{
	return learn->ntk ? "ntk" : "nngp";
}

EntkStatus entk_learn_resolve(EntkLearn *learn, const EntkDataset *dataset, EntkError *error)
{
	bool has = dataset->parts[ENTK_PART_VAL].x_key != NULL;
	if (!learn->ridge_given && has)
		learn->rule = ENTK_RIDGE_VALIDATION;
	if (learn->rule != ENTK_RIDGE_VALIDATION || has)
		return ENTK_OK;
	entk_fail(error, ENTK_INPUT, entk_npz_file(dataset->npz), "no validation part for --ridge=val");
	return entk_fix(error, "add x_val, y_val, or choose with --ridge=loo");
}

EntkRegressOptions entk_learn_regression(const EntkLearn *learn, size_t n)
{
	bool skip = learn->loo == ENTK_LOO_AUTO ? n > ENTK_LOO_LIMIT : learn->loo == ENTK_LOO_NEVER;
	return (EntkRegressOptions){
		.ntk = learn->ntk,
		.rule = learn->rule,
		.ridge = learn->ridge,
		.time = learn->time * learn->learning_rate,
		.skip_loo = skip,
	};
}

const char *entk_learn_time_text(double time, char *text, size_t size)
{
	snprintf(text, size, isinf(time) ? "inf" : "%g", time);
	return text;
}
