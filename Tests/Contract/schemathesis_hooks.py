"""What schemathesis must know of sessions when it goes from one operation to the next."""

import schemathesis


@schemathesis.hook
def map_body(context, body):
    """Sessions whose lifetime would be over before they are asked for live for a minute longer."""
    if context.operation.label == "POST /session" and isinstance(body, dict):
        timeout = body.get("timeout")
        if type(timeout) is int and 0 < timeout < 60:
            return {**body, "timeout": timeout + 60}
    return body
