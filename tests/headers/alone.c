/*
 * The public header needs nothing before it, in C and (as alone.cpp) in C++, twice is as good
 * as once, and what it declares has C's names: the version it names must be the build's.
 */
#include <redferry/redferry.h>

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 2 || strcmp(redferry_version(), argv[1]) != 0) {
        fprintf(stderr, "the library says it is release %s\n", redferry_version());
        return 1;
    }
    return 0;
}
