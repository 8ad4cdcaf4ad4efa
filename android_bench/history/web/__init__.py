"""The history as a local web page that can only be read.

::

    server.py   the port, the start, the end     app.py     addresses to pages, headers, errors
    view.py     what the pages say               chart.py   positions of every mark
"""
