"""One black-box suite for every gateway between the web and WSGI."""
