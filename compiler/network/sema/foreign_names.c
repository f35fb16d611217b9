/* See foreign_names.h. */
#include "network/sema/foreign_names.h"

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
#define SMOOTH   "Its kernel has no closed form; \"relu\", \"leaky_relu\" and \"gelu\" have one."
#define SOFTMAX  "Kernel regression is on the outputs of the last \"dense\" layer: end the net with it."
#define RESIDUAL "A branch beside the identity is written (relu -> conv(3x3) + identity) or skip(relu -> conv(3x3))."

#define SERIAL   "Layers are joined with \"->\": dense -> relu -> dense."
#define BRANCHES "Branches on the same input are added with (a + b), as in (conv(3x3) -> relu + identity)."
#define CONCAT   "Branches on the same input are joined along their channels with concat(a, b)."
#define PRODUCT  "Branches on the same input are multiplied with (a * b)."
#define SUMPOOL  "The sum over all positions (and group elements) is called \"sum_pool\"."
#define WINDOWS  "The mean over windows is called \"avgpool\"."
#define REPEAT   "A repetition is written with ^, as in (conv(3x3) -> relu)^3."
#define INPUT    "A net begins with vector(n), signal(n), image(32x32, channels = 3) or volume(8x8x8)."

typedef struct ForeignName {
	const char *name, *hint;
} ForeignName;

/* In lower case, without underscores and dimensions. */
static const ForeignName layers[] = {
	{"serial", SERIAL},
	{"sequential", SERIAL},
	{"compose", SERIAL},
	{"chain", SERIAL},
	{"parallel", BRANCHES},
	{"fanout", BRANCHES},
	{"faninsum", BRANCHES},
	{"add", BRANCHES},
	{"faninconcat", CONCAT},
	{"concatenate", CONCAT},
	{"faninprod", PRODUCT},
	{"multiply", PRODUCT},
	{"globalsumpool", SUMPOOL},
	{"averagepool", WINDOWS},
	{"averagepooling", WINDOWS},
	{"avgpooling", WINDOWS},
	{"meanpool", WINDOWS},
	{"repeat", REPEAT},
	{"input", INPUT},
	{"inputlayer", INPUT},
	{"linear", DENSE},
	{"fc", DENSE},
	{"fullyconnected", DENSE},
	{"affine", DENSE},
	{"convolution", CONV},
	{"conv", CONV},
	{"globalavgpool", POOL},
	{"globalaveragepooling", POOL},
	{"globalmeanpool", POOL},
	{"gap", POOL},
	{"adaptiveavgpool", POOL},
	{"globalpool", POOL},
	{"maxpool", MAXIMUM},
	{"maxpooling", MAXIMUM},
	{"globalmaxpool", MAXIMUM},
	{"max", MAXIMUM},
	{"batchnorm", BATCHNORM},
	{"batchnormalization", BATCHNORM},
	{"bn", BATCHNORM},
	{"sigmoid", SIGMOID},
	{"tanh", SIGMOID},
	{"hardtanh", SIGMOID},
	{"logistic", SIGMOID},
	{"silu", SMOOTH},
	{"swish", SMOOTH},
	{"elu", SMOOTH},
	{"selu", SMOOTH},
	{"softplus", SMOOTH},
	{"mish", SMOOTH},
	{"softmax", SOFTMAX},
	{"logsoftmax", SOFTMAX},
	{"residual", RESIDUAL},
	{"resblock", RESIDUAL},
	{"shortcut", RESIDUAL},
};

#define WEIGHTS  "The standard deviation of the weights is called \"weight_std\"."
#define BIAS     "The standard deviation of the biases is called \"bias_std\"; without it there is no bias."
#define INFINITE "Networks are infinitely wide: no number of channels or units is given."
#define FILTER   "The size of the filter comes first, without a name: conv(3x3)."
#define WINDOW   "The size of the window comes first, without a name: avgpool(2x2)."
#define PADDING  "The choices are padding = valid, padding = same and padding = circular."
#define DILATION "The distance of a filter's taps is called \"dilation\"."
#define SLOPE    "The slope of the negative side is called \"alpha\"."

static const ForeignName arguments[] = {
	{"wstd", WEIGHTS},
	{"weightvar", WEIGHTS},
	{"wvar", WEIGHTS},
	{"sigmaw", WEIGHTS},
	{"bstd", BIAS},
	{"biasvar", BIAS},
	{"bvar", BIAS},
	{"sigmab", BIAS},
	{"bias", BIAS},
	{"usebias", BIAS},
	{"outdim", INFINITE},
	{"nout", INFINITE},
	{"units", INFINITE},
	{"features", INFINITE},
	{"outfeatures", INFINITE},
	{"outchannels", INFINITE},
	{"outchan", INFINITE},
	{"filters", INFINITE},
	{"channels", INFINITE},
	{"infeatures", INFINITE},
	{"inchannels", INFINITE},
	{"kernelsize", FILTER},
	{"kernelshape", FILTER},
	{"filtershape", FILTER},
	{"filtersize", FILTER},
	{"kernel", FILTER},
	{"windowshape", WINDOW},
	{"poolsize", WINDOW},
	{"pad", PADDING},
	{"paddings", PADDING},
	{"paddingmode", PADDING},
	{"dilationrate", DILATION},
	{"rhsdilation", DILATION},
	{"atrous", DILATION},
	{"negativeslope", SLOPE},
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

static const char *find(const ForeignName *names, size_t count, const char *name)
{
	char key[32];
	if (!plain(name, key, sizeof key))
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(key, names[i].name) == 0)
			return names[i].hint;
	return NULL;
}

const char *foreign_name_hint(const char *name)
{
	return find(layers, sizeof layers / sizeof *layers, name);
}

const char *foreign_argument_hint(const char *name)
{
	return find(arguments, sizeof arguments / sizeof *arguments, name);
}
