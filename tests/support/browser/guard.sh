# Runs chromedriver for as long as somebody holds the other end of standard input, be it killed with SIGKILL or not.
#
#   sh -c guard.sh sh LOG
#
# Standard output gets what chromedriver says: its port.

# A terminal that hangs up is no reason to leave browsers behind.
trap '' HUP

chromedriver --port=0 --log-path="$1" </dev/null 2>/dev/null &
exec >/dev/null

read -r _

# The group holds the driver, every browser that it has started, and this shell. A crash handler, in a session of its
# own, ends with its browser.
kill -s KILL 0
