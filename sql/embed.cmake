# Writes OUTPUT: every statement of SOURCE/<dialect>/<name>.sql as one line of a C initialiser,
#     {"<dialect>", "<name>", "<text>"},
# to be included inside an array of struct statement. The text is what a person would run by hand,
# without the comment on top: that stays off the wire.
file(GLOB files RELATIVE ${SOURCE} ${SOURCE}/*/*.sql)
list(SORT files)
set(lines "")
foreach(file IN LISTS files)
    file(READ ${SOURCE}/${file} text)
    get_filename_component(dialect ${file} DIRECTORY)
    get_filename_component(name ${file} NAME_WE)
    string(REGEX REPLACE "^(--[^\n]*\n)+" "" text "${text}")
    string(REGEX REPLACE "\n$" "" text "${text}")
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "\n" "\\n\"\n     \"" text "${text}")
    string(APPEND lines "    {\"${dialect}\", \"${name}\",\n     \"${text}\"},\n")
endforeach()
file(WRITE ${OUTPUT} "${lines}")
