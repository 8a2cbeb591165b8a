<%@ page session="false" contentType="text/plain" trimDirectiveWhitespaces="true" %>Hello, world!
