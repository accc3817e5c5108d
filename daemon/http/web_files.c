#include "http/web_files.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define SVG "image/svg+xml"

/* Every file of the page: a symbol, its name, its type. A test sees that none is missing. */
#define WEB_FILES(X)                      \
    X(index_html, WEB_FILES_INDEX, HTML)  \
    X(columns_js, "columns.js", SCRIPT)   \
    X(dock_js, "dock.js", SCRIPT)         \
    X(dom_js, "dom.js", SCRIPT)           \
    X(draw_js, "draw.js", SCRIPT)         \
    X(feed_js, "feed.js", SCRIPT)         \
    X(format_js, "format.js", SCRIPT)     \
    X(history_js, "history.js", SCRIPT)   \
    X(icon_svg, "icon.svg", SVG)          \
    X(lists_js, "lists.js", SCRIPT)       \
    X(main_js, "main.js", SCRIPT)         \
    X(model_js, "model.js", SCRIPT)       \
    X(order_js, "order.js", SCRIPT)       \
    X(overview_js, "overview.js", SCRIPT) \
    X(plan_js, "plan.js", SCRIPT)         \
    X(plot_js, "plot.js", SCRIPT)         \
    X(row_js, "row.js", SCRIPT)           \
    X(store_js, "store.js", SCRIPT)       \
    X(style_css, "style.css", CSS)        \
    X(table_js, "table.js", SCRIPT)       \
    X(theme_js, "theme.js", SCRIPT)

/* The assembler reads the file, by its path from the top of the tree, where make and it run, and counts
 * its bytes. */
#define EMBED(symbol, file, type)                                                   \
    __asm__(".pushsection .rodata\n"                                                \
            "web_" #symbol ": .incbin \"daemon/http/web/" file "\"\n"               \
            "web_" #symbol "_end: .byte 0\n"                                        \
            ".balign 8\n"                                                           \
            "web_" #symbol "_length: .quad web_" #symbol "_end - web_" #symbol "\n" \
            ".popsection\n");                                                       \
    extern __attribute__((visibility("hidden"))) const char web_##symbol[];         \
    extern __attribute__((visibility("hidden"))) const uint64_t web_##symbol##_length;

WEB_FILES(EMBED)

bool web_files_find(const char *name, size_t length, WebFile *out)
{
#define FIND(symbol, file, media_type)                               \
    if (length == strlen(file) && memcmp(name, file, length) == 0) { \
        *out = (WebFile){.name = (file),                             \
                         .type = (media_type),                       \
                         .data = web_##symbol,                       \
                         .length = (size_t)web_##symbol##_length};   \
        return true;                                                 \
    }
    WEB_FILES(FIND)
#undef FIND
    return false;
}

const char *web_file_tag(const WebFile *file, char out[WEB_FILE_TAG_SIZE])
{
    snprintf(out, WEB_FILE_TAG_SIZE, "\"%016" PRIx64 "\"", XXH3_64bits(file->data, file->length));
    return out;
}
