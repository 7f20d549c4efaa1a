#!/bin/sh
# Checks the format of a submission: validate_submission.sh [FILE]
# Exit status: 0 valid, 1 invalid, 2 could not be checked.

file=${1:-${SUBMISSION_DIR:-/home/submission}/submission.csv}
folder=${VALIDATE_FOLDER:-/run/mlebench/5000}
if [ ! -f "$file" ]; then
    echo "There is no file $file." >&2
    echo "Usage: $0 [FILE]" >&2
    exit 2
fi
if command -v python3 >/dev/null 2>&1; then
    exec python3 -IS "$folder/client.py" "$file"
fi
if ! command -v curl >/dev/null 2>&1; then
    echo "Checking a submission takes python3 or curl, and here is neither." >&2
    exit 2
fi
if [ -S "$folder/socket" ]; then
    set -- --unix-socket "$folder/socket" "http://localhost/validate"
else
    set -- "${VALIDATE_URL:-http://localhost:5000/validate}"
fi
answer=$(curl --silent --show-error --globoff --max-time 1200 --request POST \
    --header "Accept: text/plain" --upload-file "$file" "$@") || {
    echo "The validator could not be reached." >&2
    exit 2
}
printf '%s\n' "$answer"
case $answer in
    "Submission is valid."*) exit 0 ;;
    "Submission invalid!"*) exit 1 ;;
    *) exit 2 ;;
esac
