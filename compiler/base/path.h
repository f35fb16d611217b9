/* Names and descriptors of files, for the compiler and for the programs that it makes. */
#ifndef ENTK_BASE_PATH_H
#define ENTK_BASE_PATH_H

/* The name that `path` comes to when the links at its end are followed one by one: also where the last of them names a file
 * that is not there yet, which realpath does not tell. The caller frees it. NULL with errno: no memory, or links that lead round
 * in a circle (ELOOP). */
char *path_follow(const char *path);

/* Makes sure that descriptors 0, 1 and 2 are taken. Where the caller closed one, the first file to be opened would get its number, and
 * whatever is printed would go into that file. Those taken here cannot be written to, so that a lost result is an error. */
void path_reserve_descriptors(void);

#endif
