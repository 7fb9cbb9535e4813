# Writes OUTPUT: every statement of SOURCE/<dialect>/<name>.sql as one line of a C initialiser,
#     {"<dialect>", "<name>", "<text>"},
# to be included inside an array of struct statement. The text stays what a person would run by hand.
file(GLOB files RELATIVE ${SOURCE} ${SOURCE}/*/*.sql)
list(SORT files)
set(lines "")
foreach(file IN LISTS files)
    file(READ ${SOURCE}/${file} text)
    get_filename_component(dialect ${file} DIRECTORY)
    get_filename_component(name ${file} NAME_WE)
    string(REPLACE "\\" "\\\\" text "${text}")
    string(REPLACE "\"" "\\\"" text "${text}")
    string(REPLACE "\n" "\\n\"\n     \"" text "${text}")
    string(APPEND lines "    {\"${dialect}\", \"${name}\",\n     \"${text}\"},\n")
endforeach()
file(WRITE ${OUTPUT} "${lines}")
