# Runs a server for as long as somebody holds the other end of standard input, be it killed with SIGKILL or not.
#
#   sh -c guard.sh sh LOG SIGNAL SCRATCH SERVER ARG...
#
# Standard output gets the server's process id. Standard error is the lock of the server's directory: it is only
# held, never written to, so that the directory stays locked until the server has really gone.

# A paused server makes the kernel send HUP to the group when our parent dies, which is when we are needed most.
trap '' HUP

log=$1 signal=$2 scratch=$3
shift 3

"$@" </dev/null >>"$log" 2>&1 &
server=$!
echo "$server"
exec >/dev/null

read -r _

# PostgreSQL's children have sessions of their own: they are not in our group.
family="$server $(cat "/proc/$server/task/$server/children" 2>/dev/null)"
kill -s "$signal" "$server" 2>/dev/null
# shellcheck disable=SC2086 # a list of process ids
kill -s CONT $family 2>/dev/null
# Not `wait` beside a background `sleep 5`: that one would be left for init to collect, and a container may have none.
polls=0
while kill -s 0 "$server" 2>/dev/null; do
    # 5 s
    # shellcheck disable=SC2086
    [ "$polls" -lt 250 ] || kill -s KILL $family 2>/dev/null
    polls=$((polls + 1))
    sleep 0.02
done
rm -rf "$scratch" 2>/dev/null

# The group holds whatever is left: a Redis child that was writing a snapshot, and this shell.
kill -s KILL 0
