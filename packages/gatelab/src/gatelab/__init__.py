"""The gatelab command: each of its commands is a function in `__main__`.

    report     what a server says of itself           target, ask    where it is, and how it is asked
    rates      what two reports tell together          watch          one server over time
    figures    numbers in few characters               header         the lines above the table
    columns    the table                               plain          both as text: `status`, `top --once`
    top        both live, with `table` and `dialogs`   errors         what can go wrong

    request    one request over any protocol: its page lists `request_*`
    record     a relay that tells what passes: its page lists what it is made of
    show       what it has saved

Nothing is imported here: a command pays for its own modules only, and textual alone takes longer than all the rest.
"""
