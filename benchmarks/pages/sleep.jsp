<%@ page session="false" contentType="text/plain; charset=utf-8" trimDirectiveWhitespaces="true" %>
<% int pause = Math.min(Math.max(Integer.parseInt(request.getParameter("ms")), 0), 10_000); Thread.sleep(pause); %>slept <%= pause %> ms
