/* See foreign_names.h. */
#include "network/foreign_names.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define DENSE   "A layer of weights between vectors is called \"dense\"."
#define CONV    "A convolution is called \"conv\"; its number of dimensions is that of the input."
#define POOL    "The mean over all positions (and group elements) is called \"pool\"."
#define MAXIMUM "The kernel of a maximum has no closed form; \"avgpool\" takes means over windows."
#define BATCHNORM                                                                                                 \
	"In an infinitely wide network it has no kernel of two samples; \"weight_std\" and \"bias_std\" set the " \
	"scale."
#define SIGMOID  "Its kernel has no closed form; \"erf\" and \"sigmoid_like\", of the same shape, have one."
#define SMOOTH   "Its kernel has no closed form; \"relu\", \"leaky_relu\" and \"erf\" have one."
#define SOFTMAX  "Kernel regression is on the outputs of the last \"dense\" layer: end the net with it."
#define RESIDUAL "A branch beside the identity is written (relu -> conv(3x3) + identity) or skip(relu -> conv(3x3))."

/* In lower case, without underscores and dimensions. */
static const struct {
	const char *name, *hint;
} foreign_names[] = {
	{"linear", DENSE},          {"fc", DENSE},
	{"fullyconnected", DENSE},  {"affine", DENSE},
	{"convolution", CONV},      {"conv", CONV},
	{"globalavgpool", POOL},    {"globalaveragepooling", POOL},
	{"globalmeanpool", POOL},   {"gap", POOL},
	{"adaptiveavgpool", POOL},  {"globalpool", POOL},
	{"maxpool", MAXIMUM},       {"maxpooling", MAXIMUM},
	{"globalmaxpool", MAXIMUM}, {"max", MAXIMUM},
	{"batchnorm", BATCHNORM},   {"batchnormalization", BATCHNORM},
	{"bn", BATCHNORM},          {"sigmoid", SIGMOID},
	{"tanh", SIGMOID},          {"hardtanh", SIGMOID},
	{"logistic", SIGMOID},      {"silu", SMOOTH},
	{"swish", SMOOTH},          {"elu", SMOOTH},
	{"selu", SMOOTH},           {"softplus", SMOOTH},
	{"mish", SMOOTH},           {"softmax", SOFTMAX},
	{"logsoftmax", SOFTMAX},    {"residual", RESIDUAL},
	{"resblock", RESIDUAL},     {"shortcut", RESIDUAL},
};

/* "Max_Pool2d" -> "maxpool"; false where it is too long to be in the table. */
static bool plain(const char *name, char *to, size_t size)
{
	size_t length = 0;
	for (; *name; name++) {
		if (*name == '_')
			continue;
		if (length + 1 == size)
			return false;
		to[length++] = (char)tolower((unsigned char)*name);
	}
	if (length > 2 && to[length - 1] == 'd' && strchr("123", to[length - 2]))
		length -= 2;
	to[length] = 0;
	return true;
}

const char *foreign_name_hint(const char *name)
{
	char key[32];
	if (!plain(name, key, sizeof key))
		return NULL;
	for (size_t i = 0; i < sizeof foreign_names / sizeof *foreign_names; i++)
		if (strcmp(key, foreign_names[i].name) == 0)
			return foreign_names[i].hint;
	return NULL;
}
