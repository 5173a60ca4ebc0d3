/* html_guard.c -- see html_guard.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/html_guard.h"

#include <string.h>
#include <strings.h>

enum { MAX_ATTRIBUTES = 512 };

/* Behind a start tag at s (a letter is at s[1]); *n_attributes is about how many it has. */
static const char *skip_tag(int *n_attributes, const char *s, const char *end)
{
    *n_attributes = 0;
    for (; s < end && *s != '>'; s++) {
        *n_attributes += *s == '=' || strchr(" \t\r\n\f/", *s) != NULL;
        if (*s == '=' && end - s > 1 && (s[1] == '"' || s[1] == '\'')) {
            s = memchr(s + 2, s[1], (size_t)(end - s - 2));
            if (!s)
                return end;
        }
    }
    return s < end ? s + 1 : end;
}

/* Behind a script, style or comment at s; s if there is none. */
static const char *skip_raw(const char *s, const char *end)
{
    static const struct {
        const char *begin, *end;
    } raw[] = {{"<!--", "-->"}, {"<script", "</script"}, {"<style", "</style"}};

    for (size_t i = 0; i < sizeof raw / sizeof *raw; i++)
        if ((size_t)(end - s) > strlen(raw[i].begin) &&
            !strncasecmp(s, raw[i].begin, strlen(raw[i].begin))) {
            const char *close = strcasestr(s + strlen(raw[i].begin), raw[i].end);

            return close ? close : end;
        }
    return s;
}

size_t html_guard(const char *page, size_t n)
{
    const char *s = page, *end = page + n;

    while (s < end && (s = memchr(s, '<', (size_t)(end - s)))) {
        const char *behind = skip_raw(s, end);
        int n_attributes;

        if (behind > s) {
            s = behind;
        } else if (end - s > 1 && strchr("abcdefghijklmnopqrstuvwxyz", s[1] | 32)) {
            behind = skip_tag(&n_attributes, s, end);
            if (n_attributes > 2 * MAX_ATTRIBUTES)
                return (size_t)(s - page);
            s = behind;
        } else {
            s++;
        }
    }
    return n;
}
