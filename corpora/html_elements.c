/* html_elements.c -- see html_elements.h. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "corpora/html_elements.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct element {
    const char *name;
    enum meaning meaning;
};

/* Sorted by name; others are inline. */
static const struct element elements[] = {
    {"address", BLOCK},    {"annotation", SKIP}, {"annotation-xml", SKIP},
    {"article", SECTION},  {"aside", BLOCK},     {"audio", SKIP},
    {"blockquote", BLOCK}, {"body", BLOCK},      {"br", BREAK},
    {"button", SKIP},      {"canvas", SKIP},     {"caption", BLOCK},
    {"center", BLOCK},     {"dd", LINE},         {"details", BLOCK},
    {"dialog", BLOCK},     {"dir", LIST},        {"div", BLOCK},
    {"dl", BLOCK},         {"dt", LINE},         {"fieldset", BLOCK},
    {"figcaption", BLOCK}, {"figure", BLOCK},    {"footer", FOOTER},
    {"form", BLOCK},       {"frameset", BLOCK},  {"h1", HEADING},
    {"h2", HEADING},       {"h3", HEADING},      {"h4", HEADING},
    {"h5", HEADING},       {"h6", HEADING},      {"header", BLOCK},
    {"hgroup", BLOCK},     {"hr", BLOCK},        {"iframe", SKIP},
    {"img", IMAGE},        {"legend", BLOCK},    {"li", ITEM},
    {"listing", PRE},      {"main", SECTION},    {"menu", LIST},
    {"nav", NAV},          {"noscript", SKIP},   {"ol", LIST},
    {"optgroup", SKIP},    {"option", SKIP},     {"p", BLOCK},
    {"plaintext", PRE},    {"pre", PRE},         {"rp", SKIP},
    {"rt", SKIP},          {"script", SKIP},     {"section", SECTION},
    {"select", SKIP},      {"style", SKIP},      {"summary", BLOCK},
    {"svg", SKIP},         {"table", TABLE},     {"tbody", LINE},
    {"td", CELL},          {"template", SKIP},   {"textarea", SKIP},
    {"tfoot", LINE},       {"th", CELL},         {"thead", LINE},
    {"title", TITLE},      {"tr", ROW},          {"ul", LIST},
    {"video", SKIP},       {"xmp", PRE},
};

static int compare_names(const void *key, const void *e)
{
    return strcmp(key, ((const struct element *)e)->name);
}

enum meaning element_meaning(const char *name)
{
    const struct element *e = bsearch(name, elements, sizeof elements / sizeof *elements,
                                      sizeof *elements, compare_names);

    return e ? e->meaning : INLINE;
}

/* Does the list of words in s have this one? */
static int has_word(const char *s, const char *word)
{
    const size_t n = strlen(word);

    for (s += strspn(s, " \t\n"); *s; s += strspn(s, " \t\n")) {
        size_t k = strcspn(s, " \t\n");

        if (k == n && !strncasecmp(s, word, n))
            return 1;
        s += k;
    }
    return 0;
}

static int has_any(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (has_word(s, *words))
            return 1;
    return 0;
}

/* The classes are those of DocBook, Sphinx, Texinfo, Doxygen, Javadoc, rustdoc and common themes. */
enum aside element_aside(const char *const *attributes, int is_texinfo)
{
    static const char *const roles[] = {"navigation", "search", "menubar", "doc-toc", NULL};
    static const char *const classes[] = {"bottomNav",
                                          "breadcrumb",
                                          "breadcrumbs",
                                          "contents-list",
                                          "doc-anchor",
                                          "headerlink",
                                          "lineno",
                                          "linenodiv",
                                          "linenos",
                                          "nav",
                                          "nav-bar",
                                          "nav-panel",
                                          "navbar",
                                          "navfooter",
                                          "navheader",
                                          "navigation",
                                          "navpath",
                                          "navrow",
                                          "skip-link",
                                          "skip-main-content",
                                          "skip-nav",
                                          "skip-to-content",
                                          "skiplink",
                                          "sphinxsidebar",
                                          "subNav",
                                          "table-of-contents",
                                          "toc",
                                          "topNav",
                                          "visually-hidden",
                                          NULL};
    static const char *const texinfo[] = {
        "header", "contents", "contents-heading", "shortcontents", "shortcontents-heading", NULL};
    static const char *const ids[] = {"toc", "table-of-contents", NULL};
    enum aside found = SHOWN;

    for (; attributes && attributes[0]; attributes += 2) {
        const char *name = attributes[0], *value = attributes[1] ? attributes[1] : "";

        if (!strcmp(name, "hidden") || (!strcmp(name, "style") && (strstr(value, "display:none") ||
                                                                   strstr(value, "display: none"))))
            return HIDDEN;
        if ((!strcmp(name, "role") && has_any(value, roles)) ||
            (!strcmp(name, "id") && has_any(value, ids)) ||
            (!strcmp(name, "class") &&
             (has_any(value, classes) || (is_texinfo && has_any(value, texinfo)))))
            found = NAVIGATION;
    }
    return found;
}

const char *element_attribute(const char *const *attributes, const char *name)
{
    for (; attributes && attributes[0]; attributes += 2)
        if (!strcmp(attributes[0], name) && attributes[1])
            return attributes[1];
    return "";
}

int element_is_texinfo(const char *const *attributes)
{
    static const char *const makers[] = {"makeinfo", "texi2any", NULL};

    return has_any(element_attribute(attributes, "content"), makers);
}

int is_anchor_sign(const char *s, size_t n)
{
    static const char *const signs[] = {"#", "\u00a7", "\u00b6", "\U0001f517"};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (n == strlen(signs[i]) && !memcmp(s, signs[i], n))
            return 1;
    return 0;
}
