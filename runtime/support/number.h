/* Numbers as text for files that are read again. */
#ifndef ENTK_SUPPORT_NUMBER_H
#define ENTK_SUPPORT_NUMBER_H

/* Enough for any double. */
#define ENTK_NUMBER_SIZE 32

/* As few of 15 to 17 digits as read back as the same double: 1.4, where 17 say 1.3999999999999999. Returns `text`. */
const char *entk_number_text(double value, char text[ENTK_NUMBER_SIZE]);

#endif
