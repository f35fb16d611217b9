/* Student's t distribution. */
#ifndef ENTK_NUMERICS_STUDENT_H
#define ENTK_NUMERICS_STUDENT_H

/* Probability of a |t| as large, with `degrees` > 0 of freedom, not necessarily whole. */
double entk_student_tail(double t, double degrees);
/* The t that |t| exceeds with probability 1 - level. */
double entk_student_quantile(double level, double degrees);

#endif
