/* See number.h. */
#include "support/number.h"

#include <stdio.h>
#include <stdlib.h>

const char *entk_number_text(double value, char text[ENTK_NUMBER_SIZE])
{
	/* 15 digits survive the way to a double and back, 17 tell any two doubles apart. */
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, ENTK_NUMBER_SIZE, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return text;
}
