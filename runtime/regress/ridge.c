/* Ridges on the command line: see ridge.h. */
#include "regress/ridge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One row per rule: what the command line calls it (NULL: a number), its name, how sentences go on. */
static const struct {
	EntkRidgeRule rule;
	const char *word, *name, *text;
} rules[] = {
	{ENTK_RIDGE_FIXED, NULL, "fixed", ""},
	{ENTK_RIDGE_ABSOLUTE, NULL, "absolute", ""},
	{ENTK_RIDGE_LOO, "loo", "loo", ", chosen by leave-one-out"},
	{ENTK_RIDGE_EVIDENCE, "evidence", "evidence", ", chosen by evidence"},
	{ENTK_RIDGE_VALIDATION, "val", "val", ", chosen on the validation part"},
};

const char *entk_ridge_rule_name(EntkRidgeRule rule)
{
	return rules[rule].name;
}

const char *entk_ridge_rule_text(EntkRidgeRule rule)
{
	return rules[rule].text;
}

bool entk_ridge_chosen(EntkRidgeRule rule)
{
	return rules[rule].word != NULL;
}

EntkStatus entk_ridge_parse(const char *option, const char *text, EntkRidgeRule *rule, double *ridge, EntkError *error)
{
	for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
		if (rules[i].word && strcmp(text, rules[i].word) == 0) {
			*rule = rules[i].rule;
			return ENTK_OK;
		}
	bool absolute = strncmp(text, "abs:", 4) == 0;
	const char *number = absolute ? text + 4 : text;
	char *end;
	*rule = absolute ? ENTK_RIDGE_ABSOLUTE : ENTK_RIDGE_FIXED;
	*ridge = strtod(number, &end);
	if (end == number || *end || !(*ridge >= 0 && *ridge <= (absolute ? 1e300 : 1e6))) {
		entk_fail(error, ENTK_USAGE, option,
			  "expected a number from 0 to 1e6, abs:NUMBER, loo, evidence or val, got \"%s\"", text);
		return entk_fix(error, "a plain number is relative to the mean of the Gram's diagonal");
	}
	return ENTK_OK;
}

double entk_ridge_grid(size_t i)
{
	return pow(10, -8 + 0.5 * (double)i);
}
